// Command worker stands for one of hundreds.
package main

func main() { println("worker") }
