"""The text format of Prometheus, from Debian's source package of prometheus-cpp.

Debian's own build of it has no archive to link statically. JSD_PROMETHEUS_DIR names a directory with the library's tree
instead: `core/include/` and `core/src/`.
"""

load("//third_party/debian:source.bzl", "FETCH_DEBIAN_SOURCE", "fetch_debian_source")

_PACKAGE = "prometheus-cpp/bookworm"
_FILE = "prometheus-cpp_1.0.1.orig.tar.gz"
_PREFIX = "prometheus-cpp-1.0.1"
_SHA256 = "593e028d401d3298eada804d252bc38d8cab3ea1c9e88bcd72095281f85e6d16"

def _prometheus_repository_impl(ctx):
    tree = ctx.os.environ.get("JSD_PROMETHEUS_DIR")
    if not tree:
        fetch_debian_source(ctx, _PACKAGE, _FILE, _SHA256)
        ctx.extract(_FILE, output = "tree", stripPrefix = _PREFIX)
        tree = "tree"

    # Without the BUILD files above them.
    for folder in ["include", "src"]:
        ctx.symlink(ctx.path(tree + "/core/" + folder), folder)

    # The library's own build makes this header; in an archive nothing is exported.
    ctx.file("generated/prometheus/detail/core_export.h", "#define PROMETHEUS_CPP_CORE_EXPORT\n")
    ctx.symlink(ctx.attr._build, "BUILD")

prometheus_repository = repository_rule(
    implementation = _prometheus_repository_impl,
    attrs = {
        "_build": attr.label(default = "//third_party/prometheus:prometheus.BUILD"),
        "_fetch": FETCH_DEBIAN_SOURCE,
    },
    environ = ["JSD_PROMETHEUS_DIR"],
)
