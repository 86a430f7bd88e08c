"""The web-platform-tests that Debian's source package of nodejs holds, for //tests/wpt.

apt fetches the one file of that source package; its sum is pinned. JSD_WPT_DIR names a directory with another tree.
"""

load("//third_party/debian:source.bzl", "FETCH_DEBIAN_SOURCE", "fetch_debian_source")

_PACKAGE = "nodejs/bookworm"
_FILE = "nodejs_18.20.4+dfsg.orig.tar.xz"
_SHA256 = "6ce58062c71eae37d9c5ac31eeaeff9c2d48561d21c2849179d056c9c1bd9ebc"

def _wpt_repository_impl(ctx):
    own = ctx.os.environ.get("JSD_WPT_DIR")
    if own:
        ctx.symlink(ctx.path(own), "wpt")
    else:
        fetch_debian_source(ctx, _PACKAGE, _FILE, _SHA256)
        ctx.execute(["mkdir", "wpt"])
        unpack = ctx.execute(
            ["tar", "-C", "wpt", "-xJf", _FILE, "--wildcards", "--strip-components=4", "*/test/fixtures/wpt"],
            timeout = 600,
        )
        if unpack.return_code != 0:
            fail("unpacking web-platform-tests failed:\n%s" % unpack.stderr)
        ctx.delete(_FILE)
    ctx.symlink(ctx.attr._build, "BUILD")

wpt_repository = repository_rule(
    implementation = _wpt_repository_impl,
    attrs = {
        "_build": attr.label(default = "//third_party/wpt:wpt.BUILD"),
        "_fetch": FETCH_DEBIAN_SOURCE,
    },
    environ = ["JSD_WPT_DIR"],
)
