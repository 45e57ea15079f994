// Command web is a web server that answers with its page and its version.
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"
	"path/filepath"

	"example.com/skaffold-complete/internal/version"
)

func main() {
	page, err := os.ReadFile(filepath.Join(os.Getenv("KO_DATA_PATH"), "page.txt"))
	if err != nil {
		log.Fatal(err)
	}
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "%sversion %s\n", page, version.Version)
	})
	log.Fatal(http.ListenAndServe(":8080", nil))
}
