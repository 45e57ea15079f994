// Package version knows the image tag of the program; skaffold.yaml has the linker set it.
package version

// Version is the tag.
var Version = "none"
