package process

import (
	"fmt"
	"net/http"
	"time"
)

// Answers is a Ready that queries a URL, /readyz of a service, for status 200.
func Answers(url string) func() error {
	// Every question on a connection of its own: an idle one would stand in
	// the table of the host that is queried.
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 5 * time.Second}
	return func() error {
		response, err := client.Get(url)
		if err != nil {
			return err
		}
		response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("GET %s: %s", url, response.Status)
		}
		return nil
	}
}
