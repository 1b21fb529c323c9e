// Command headstart finds attackers who move from server to server by the
// connections that every Linux machine's kernel lists.
package main

import (
	"os"

	"headstart/cli"
)

func main() { os.Exit(cli.Main()) }
