using Workerd = import "/workerd/workerd.capnp";

# peers.py writes job.json beside a copy of this file, and says by --directory-path where the tree is.
const config :Workerd.Config = (
  services = [
    (name = "main", worker = .main),
    (name = "tree", disk = (path = "/")),
    (name = "internet", network = (allow = ["public", "private"])),
  ],
);

const main :Workerd.Worker = (
  modules = [(name = "workerd.mjs", esModule = embed "workerd.mjs")],
  compatibilityDate = "2026-11-01",
  compatibilityFlags = ["experimental"],
  bindings = [
    (name = "evaluator", unsafeEval = void),
    (name = "tree", service = "tree"),
    (name = "job", json = embed "job.json"),
  ],
);
