// Command hello is what the tests of process build.
package main

import "fmt"

func main() { fmt.Println("hello") }
