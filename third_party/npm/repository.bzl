"""npm packages as an external repository: `npm ci` against a committed lock file, which pins each package's sum."""

def _npm_repository_impl(ctx):
    ctx.symlink(ctx.attr.package_json, "package.json")
    ctx.symlink(ctx.attr.package_lock, "package-lock.json")
    install = ctx.execute(
        ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"],
        timeout = 600,
    )
    if install.return_code != 0:
        fail("npm ci for %s failed:\n%s%s" % (ctx.attr.package_json, install.stdout, install.stderr))
    ctx.symlink(ctx.attr._build, "BUILD")

npm_repository = repository_rule(
    implementation = _npm_repository_impl,
    attrs = {
        "package_json": attr.label(mandatory = True),
        "package_lock": attr.label(mandatory = True),
        "_build": attr.label(default = "//third_party/npm:npm.BUILD"),
    },
)
