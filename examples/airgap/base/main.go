// Base stands for what the images of a team are built on; each has a program of its own.
package main

func main() {}
