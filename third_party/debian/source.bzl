"""One file of a Debian source package, for repository rules.

A rule that calls fetch_debian_source has `_fetch` among its attributes, as FETCH_DEBIAN_SOURCE declares it.
"""

FETCH_DEBIAN_SOURCE = attr.label(default = "//third_party/debian:fetch_source.sh")

def fetch_debian_source(ctx, package, file, sha256):
    """Downloads `file` of `package` ("name/suite") by apt to the repository's root; its sum is `sha256`."""
    fetch = ctx.execute(["sh", ctx.path(ctx.attr._fetch), package, file, sha256, ctx.path(file)], timeout = 600)
    if fetch.return_code != 0:
        fail("fetching %s failed:\n%s%s" % (file, fetch.stdout, fetch.stderr))
