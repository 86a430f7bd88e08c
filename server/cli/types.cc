#include "server/cli/types.h"

#include <nlohmann/json.hpp>

#include "core/version.h"

namespace jsd {
namespace {

constexpr char kDeclarations[] = R"(
declare namespace jsd {
  /** jsd's version. */
  const version: string;

  /**
   * Calls `callback` at each event: 'shutdown' when the server stops or the script is replaced. What an asynchronous
   * callback does is waited for, within server.drain. Returns a function that ends this.
   */
  function listen(event: 'shutdown', callback: () => unknown): () => void;

  interface UpgradeOptions {
    /** One of the subprotocols that the client offers. */
    protocol?: string;
    /** Further fields of the reply. */
    headers?: HeadersInit;
  }

  /** Accepts a WebSocket: return `response` from the handler. A request that asks for none makes a TypeError. */
  function upgradeWebSocket(request: Request, options?: UpgradeOptions): { socket: WebSocket; response: Response };

  interface ClientCertificate {
    readonly subject: string;
    readonly issuer: string;
    readonly serialNumber: string;
    readonly validFrom: string;
    readonly validTo: string;
    readonly fingerprint256: string;
    readonly subjectAltNames: readonly string[];
    readonly pem: string;
  }

  interface Tls {
    /** Such as "TLSv1.3". */
    readonly version: string;
    readonly cipher: string;
    /** The name that the client asked for. */
    readonly serverName: string | null;
    readonly resumed: boolean;
    /** Checked against client_ca. */
    readonly clientCertificate: ClientCertificate | null;
  }

  interface Context {
    /** Keeps work going after the reply; a stop of the server waits for it. */
    waitUntil(promise: Promise<unknown>): void;
    /** The client's address; empty over a unix socket. */
    readonly remoteAddress: string;
    /** Null on a connection without TLS. */
    readonly tls: Tls | null;
  }

  /** `export default { … } satisfies jsd.Handler` */
  interface Handler {
    fetch(request: Request, env: Env, ctx: Context): Response | Promise<Response>;
  }
)";

constexpr char kGlobals[] = R"(
declare class WebSocketPair {
  0: WebSocket;
  1: WebSocket;
}

interface WebSocket {
  /** Of the server's end of a WebSocketPair. */
  accept(): void;
}

interface ResponseInit {
  /** The client's end of a WebSocketPair, with status 101. */
  webSocket?: WebSocket | null;
}

interface Scheduler {
  /** Resolves after so many milliseconds; rejects with the signal's reason when that aborts. */
  wait(delay: number, options?: { signal?: AbortSignal }): Promise<void>;
}
declare var scheduler: Scheduler;
)";

}  // namespace

std::string TypeDeclarations(const std::vector<std::string>& env) {
  std::string text =
      std::string("// Types of jsd ") + kVersion +
      ", made by `jsd types`. What is standard comes from TypeScript: \"lib\": [\"esnext\", \"webworker\"].\n" +
      kDeclarations;
  text += "\n  /** What the configuration gives the script: app.env and app.permissions.env. */\n  interface Env {\n";
  for (const std::string& name : env) text += "    readonly " + nlohmann::json(name).dump() + ": string;\n";
  return text + "  }\n}\n" + kGlobals;
}

}  // namespace jsd
