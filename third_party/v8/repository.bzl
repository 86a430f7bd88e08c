"""V8 as an external repository.

The default is the archive that the libv8-node gem carries (Node's LTS line), fetched by RubyGems' own client and
checked against a pinned sum. JSD_V8_DIR names a directory with one's own build instead: `include/` and a
`libv8_monolith.a` somewhere below it.
"""

_VERSION = "24.12.0.1"

_PLATFORMS = {
    "aarch64": struct(
        gem = "aarch64-linux",
        sha256 = "22bd0246cde85d70c88cf772727ac3677a20ac1d169105f82efe5f1f7c39f755",
    ),
    "x86_64": struct(
        gem = "x86_64-linux",
        sha256 = "e1236be4765edc109bd6ecef2989cf781bdcbac6f6e2cb3236ec9568540a9cfa",
    ),
}

def _run(ctx, command, what):
    result = ctx.execute(command, timeout = 600)
    if result.return_code != 0:
        fail("%s failed (%s):\n%s%s" % (what, " ".join([str(c) for c in command]), result.stdout, result.stderr))
    return result.stdout.strip()

def _fetch_gem(ctx):
    machine = _run(ctx, ["uname", "-m"], "asking for the machine's architecture")
    if machine not in _PLATFORMS:
        fail("no prebuilt V8 is pinned for %s: build V8 yourself and set JSD_V8_DIR" % machine)
    platform = _PLATFORMS[machine]
    gem = "libv8-node-%s-%s.gem" % (_VERSION, platform.gem)
    _run(ctx, ["gem", "fetch", "libv8-node", "-v", _VERSION, "--platform", platform.gem], "fetching V8")
    found = _run(ctx, ["sha256sum", gem], "checking V8").split(" ")[0]
    if found != platform.sha256:
        fail("%s has sha256 %s, expected %s" % (gem, found, platform.sha256))
    _run(ctx, ["tar", "-xf", gem, "data.tar.gz"], "unpacking the gem")
    _run(ctx, ["tar", "-xzf", "data.tar.gz", "vendor"], "unpacking V8")
    _run(ctx, ["rm", gem, "data.tar.gz"], "tidying up")
    return ctx.path("vendor/v8")

def _v8_repository_impl(ctx):
    own = ctx.os.environ.get("JSD_V8_DIR")
    root = ctx.path(own) if own else _fetch_gem(ctx)
    archive = _run(ctx, ["find", "-L", str(root), "-name", "libv8_monolith.a", "-print", "-quit"], "looking for libv8_monolith.a")
    if not archive:
        fail("there is no libv8_monolith.a below %s" % root)
    ctx.symlink(root.get_child("include"), "include")
    ctx.symlink(archive, "libv8_monolith.a")
    ctx.symlink(ctx.attr._compat, "compat.cc")
    ctx.symlink(ctx.attr._icu_simdutf, "icu_simdutf.h")
    ctx.symlink(ctx.attr._build, "BUILD")

v8_repository = repository_rule(
    implementation = _v8_repository_impl,
    attrs = {
        "_build": attr.label(default = "//third_party/v8:v8.BUILD"),
        "_compat": attr.label(default = "//third_party/v8:compat.cc"),
        "_icu_simdutf": attr.label(default = "//third_party/v8:icu_simdutf.h"),
    },
    environ = ["JSD_V8_DIR"],
)
