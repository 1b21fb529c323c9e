// Package peers measures this product's parser next to those of the libraries
// that others read /proc/net/tcp with. It is a module of its own, so that they
// are no dependency of the product.
//
// All of them read the same file, which is what their callers do:
//
//	go test -bench . ./...
package peers
