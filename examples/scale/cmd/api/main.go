// Command api stands for one of hundreds.
package main

func main() { println("api") }
