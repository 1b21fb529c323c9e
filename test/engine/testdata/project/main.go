// Command project is what the tests of engine build and run: it answers every
// HTTP request with its user and what NATS says of itself.
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"
)

func main() {
	conn, err := nats.Connect(os.Getenv("NATS_URL"))
	if err != nil {
		log.Fatal(err)
	}
	terminate := make(chan os.Signal, 1)
	signal.Notify(terminate, syscall.SIGTERM) // which process 1 of a container ignores otherwise
	go func() {
		<-terminate
		os.Exit(0)
	}()
	log.Fatal(http.ListenAndServe(":8080", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		js, err := conn.Request("$JS.API.INFO", nil, 5*time.Second)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		fmt.Fprintf(w, "uid %d\nJetStream %s\n", os.Getuid(), js.Data)
	})))
}
