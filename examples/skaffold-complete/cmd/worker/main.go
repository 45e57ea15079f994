// Command worker counts, as long as it is let.
package main

import (
	"log"
	"time"

	"example.com/skaffold-complete/internal/version"
)

func main() {
	for i := 0; ; i++ {
		log.Printf("%s: %d", version.Version, i)
		time.Sleep(time.Minute)
	}
}
