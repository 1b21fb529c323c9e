// Command headstart detects attackers who move from server to server.
package main

import (
	"os"

	"headstart/cli"
)

func main() { os.Exit(cli.Main()) }
