// Package greeting is in no proxy: go.mod replaces it by this folder.
package greeting

const Words = "Hello from outside"
