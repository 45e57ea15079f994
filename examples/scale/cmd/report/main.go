// Command report stands for one of hundreds.
package main

func main() { println("report") }
