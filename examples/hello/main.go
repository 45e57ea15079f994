// Command hello is a small web server. It answers with a text from its kodata folder, which
// kodeno puts into the image and names in KO_DATA_PATH.
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"
	"path/filepath"
)

func greeting() (string, error) {
	text, err := os.ReadFile(filepath.Join(os.Getenv("KO_DATA_PATH"), "greeting.txt"))
	return string(text), err
}

func main() {
	text, err := greeting()
	if err != nil {
		log.Fatal(err)
	}
	if len(os.Args) > 1 && os.Args[1] == "once" {
		fmt.Print(text)
		return
	}
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, text) })
	log.Print("hello listens on :8080")
	log.Fatal(http.ListenAndServe(":8080", nil))
}
