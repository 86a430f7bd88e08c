// What `false` in the `browser` map of a package stands for: a module without anything in it.
