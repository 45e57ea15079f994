// Worker prints a line.
package main

import "os"

func main() {
	os.Stdout.WriteString("working\n")
}
