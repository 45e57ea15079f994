// Command mail stands for one of hundreds.
package main

func main() { println("mail") }
