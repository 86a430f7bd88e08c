"""ada, the WHATWG URL parser of Node, from Debian's source package of nodejs.

apt fetches the one file of that source package that holds ada; its sum is pinned. JSD_ADA_DIR names a directory with
ada's own tree instead: `include/` and `src/`.
"""

load("//third_party/debian:source.bzl", "FETCH_DEBIAN_SOURCE", "fetch_debian_source")

_PACKAGE = "nodejs/bookworm"
_FILE = "nodejs_18.20.4+dfsg.orig-ada.tar.xz"
_PREFIX = "ada-2.7.8"
_SHA256 = "b58fd8b7ef61255b66d42b66e32e74ccdde61c4e02facd6b5a566618e32e993e"

def _ada_repository_impl(ctx):
    own = ctx.os.environ.get("JSD_ADA_DIR")
    if own:
        ctx.symlink(ctx.path(own), "ada")
    else:
        fetch_debian_source(ctx, _PACKAGE, _FILE, _SHA256)
        ctx.extract(_FILE, output = "ada", stripPrefix = _PREFIX)
    ctx.symlink(ctx.attr._idna, "idna.cc")
    ctx.symlink(ctx.attr._build, "BUILD")

ada_repository = repository_rule(
    implementation = _ada_repository_impl,
    attrs = {
        "_build": attr.label(default = "//third_party/ada:ada.BUILD"),
        "_idna": attr.label(default = "//third_party/ada:idna.cc"),
        "_fetch": FETCH_DEBIAN_SOURCE,
    },
    environ = ["JSD_ADA_DIR"],
)
