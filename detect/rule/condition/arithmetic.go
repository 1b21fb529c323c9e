package condition

import (
	"math"
	"time"

	"github.com/expr-lang/expr/ast"
)

// arithmetic resolves + - * / and %. What has to do with durations is done by
// functions of this package: expr's own give a number for 1.5 times a duration
// and wrap around where they should end at the longest one.
func (r *resolver) arithmetic(n *ast.Node, node *ast.BinaryNode) string {
	left, right := r.expression(&node.Left), r.expression(&node.Right)
	if left == Unknown || right == Unknown {
		return Unknown
	}
	result := arithmeticType(node.Operator, plain(left), plain(right))
	switch function := durationFunction(node.Operator, left, right); {
	case result == Unknown:
		r.errorf(node, "invalid operation: %s (mismatched types %s and %s)", node.Operator, left, right)
	case function != nil:
		r.replace(n, node, call(function, node.Left, node.Right))
	}
	return result
}

// plain is a type without what makes a port more than a number.
func plain(t string) string {
	if t == TypePort {
		return TypeNumber
	}
	return t
}

// arithmeticType is the type of a result, unknown when there is none.
func arithmeticType(operator, left, right string) string {
	type operation struct{ left, operator, right string }
	switch (operation{left, operator, right}) {
	case operation{TypeNumber, operator, TypeNumber}, operation{TypeDuration, "/", TypeDuration}:
		return TypeNumber
	case operation{TypeText, "+", TypeText}:
		return TypeText
	case operation{TypeDuration, "+", TypeDuration}, operation{TypeDuration, "-", TypeDuration},
		operation{TypeDuration, "*", TypeNumber}, operation{TypeNumber, "*", TypeDuration},
		operation{TypeDuration, "/", TypeNumber}, operation{TypeTime, "-", TypeTime}:
		return TypeDuration
	case operation{TypeTime, "+", TypeDuration}, operation{TypeDuration, "+", TypeTime}, operation{TypeTime, "-", TypeDuration}:
		return TypeTime
	}
	return Unknown
}

// durationFunction returns what calculates with durations; nil leaves it to
// expr.
func durationFunction(operator, left, right string) func(a, b any) any {
	switch {
	case left == TypeDuration && right == TypeDuration:
		switch operator {
		case "+":
			return func(a, b any) any { return addDurations(a.(time.Duration), b.(time.Duration)) }
		case "-":
			return func(a, b any) any { return addDurations(a.(time.Duration), -b.(time.Duration)) }
		case "/":
			return func(a, b any) any { return float64(a.(time.Duration)) / float64(b.(time.Duration)) }
		}
	case left == TypeDuration && operator == "*":
		return func(a, b any) any { return scale(a.(time.Duration), number(b)) }
	case right == TypeDuration && operator == "*":
		return func(a, b any) any { return scale(b.(time.Duration), number(a)) }
	case left == TypeDuration && operator == "/":
		return func(a, b any) any { return durationOf(float64(a.(time.Duration)) / number(b)) }
	}
	return nil
}

const Longest, longestBack = time.Duration(math.MaxInt64), time.Duration(math.MinInt64)

func addDurations(a, b time.Duration) time.Duration {
	sum := a + b
	switch {
	case a > 0 && b > 0 && sum < 0:
		return Longest
	case a < 0 && b < 0 && sum >= 0:
		return longestBack
	}
	return sum
}

// scale multiplies a duration, exactly where a float64 can.
func scale(d time.Duration, by float64) time.Duration { return durationOf(float64(d) * by) }

// durationOf rounds nanoseconds, ends at the longest duration, and takes for
// none what is no number: nothing divided by nothing.
func durationOf(nanoseconds float64) time.Duration {
	switch {
	case math.IsNaN(nanoseconds):
		return 0
	case nanoseconds >= math.MaxInt64:
		return Longest
	case nanoseconds <= math.MinInt64:
		return longestBack
	}
	return time.Duration(math.Round(nanoseconds))
}

// number converts a number of the language.
func number(v any) float64 {
	if n, ok := v.(int); ok {
		return float64(n)
	}
	return v.(float64)
}
