// Notice prints a greeting, and the notice that its image carries in kodata.
package main

import (
	"os"

	"example.com/private/greeting"
	"github.com/mitchellh/go-wordwrap"
)

func main() {
	notice, err := os.ReadFile(os.Getenv("KO_DATA_PATH") + "/notice.txt")
	if err != nil {
		println(err.Error())
		os.Exit(1)
	}
	os.Stdout.WriteString(greeting.Words + "\n" + wordwrap.WrapString(string(notice), 40))
}
