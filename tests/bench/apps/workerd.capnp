using Workerd = import "/workerd/workerd.capnp";

# The address is given by `workerd serve --socket-addr http=…`, the script stands beside a copy of this file.
const config :Workerd.Config = (
  services = [
    (name = "app", worker = .app),
    (name = "internet", network = (allow = ["private", "local"])),
  ],
  sockets = [(name = "http", http = (), service = "app")],
);

const app :Workerd.Worker = (
  modules = [(name = "app.mjs", esModule = embed "app.mjs")],
  compatibilityDate = "2026-11-01",
);
