package condition

import (
	"cmp"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/expr-lang/expr/ast"

	"headstart/detect/rule/schema"
	"headstart/event"
	"headstart/suggest"
	"headstart/yamlsrc"
)

// membership resolves in: the left side in a named list, in a literal list, in
// a range, or in a list that is a field.
func (r *resolver) membership(n *ast.Node, node *ast.BinaryNode) {
	path, _ := PathOf(node.Right)
	kind, name, _ := strings.Cut(path, ".")
	if IsListKind(kind) && name != "" {
		r.namedList(n, node, kind, name)
		return
	}
	if end, ok := PathOf(node.Left); ok && (end == "host" || end == "peer") {
		r.errorf(node.Left, `%s can only be in a list of roles: %s in roles.NAME, "web" in %s.roles`, end, end, end)
		r.expression(&node.Right)
		return
	}
	left := r.expression(&node.Left)
	if path == "host.addresses" && left == TypeAddress {
		r.inAddresses(n, node)
		return
	}
	if role, ok := node.Left.(*ast.StringNode); ok && (path == "host.roles" || path == "peer.roles") {
		r.inRoles(n, node, strings.TrimSuffix(path, ".roles"), strconv.Quote(role.Value), newRoleSet(role.Value))
		return
	}
	switch right := node.Right.(type) {
	case *ast.ArrayNode:
		r.literalList(n, node, left, right.Nodes)
	case *ast.StringNode:
		if left == TypeAddress {
			r.literalList(n, node, left, []ast.Node{right})
			return
		}
		r.list(node)
	case *ast.BinaryNode:
		if right.Operator == ".." {
			r.inRange(n, node, right, left)
			return
		}
		r.list(node)
	default:
		r.list(node)
	}
}

// list resolves what must be a list.
func (r *resolver) list(node *ast.BinaryNode) {
	right := r.expression(&node.Right)
	if _, ok := elementOf(right); !ok && right != Unknown {
		r.errorf(node, "in takes a list on its right, not %s", right)
	}
}

// inAddresses tests whether an address is one of the host's.
func (r *resolver) inAddresses(n *ast.Node, node *ast.BinaryNode) {
	if r.element != Unknown {
		r.errorf(node, "in host.addresses can't be used in a loop")
		return
	}
	isOneOf := func(a, all any) bool { return slices.Contains(all.([]event.Address), a.(event.Address)) }
	r.replace(n, node, call(isOneOf, node.Left, node.Right))
}

// namedList resolves in with a list of lists.yaml.
func (r *resolver) namedList(n *ast.Node, node *ast.BinaryNode, kind, name string) {
	names := r.Lists.Matching(kind, name)
	if names == nil {
		if r.Lists.Unread {
			r.unsure = true
		} else {
			r.errorf(node.Right, "%s has no list %s in %s%s", schema.ListsFile, yamlsrc.Short(name), kind, suggest.DidYouMean(name, r.Lists.Names(kind)))
		}
		if path, _ := PathOf(node.Left); path != "host" && path != "peer" {
			r.expression(&node.Left)
		}
		return
	}
	switch kind {
	case schema.RoleLists:
		r.namedRoles(n, node, name, UniteRoles(all(names, r.Lists.Roles)...))
		return
	case schema.HostLists:
		r.namedHosts(n, node, name, UniteNames(all(names, r.Lists.Hosts)...))
		return
	}
	switch path, _ := PathOf(node.Left); {
	case path == "host" && kind == schema.NetworkLists:
		r.errorf(node.Left, "a host has several addresses; write conn.local in networks.%s or any(host.addresses, # in networks.%s)", name, name)
		return
	case path == "peer" && kind == schema.NetworkLists:
		r.errorf(node.Left, "write conn.peer in networks.%s", name)
		return
	}
	before := len(r.errors)
	left := r.expression(&node.Left)
	switch {
	case len(r.errors) > before:
	case kind == schema.PortLists && isNumber(left):
		r.inPorts(n, node, UnitePorts(all(names, r.Lists.Ports)...))
	case kind == schema.NetworkLists && left == TypeAddress:
		r.inNetworks(n, node, UniteNetworks(all(names, r.Lists.Networks)...))
	default:
		r.errorf(node, "%s.%s can't hold what is of the type %s; write %s", kind, name, cmp.Or(left, "unknown"), listExample(kind))
	}
}

// all returns what names stand for.
func all[T any](names []string, of map[string]T) (values []T) {
	for _, name := range names {
		values = append(values, of[name])
	}
	return values
}

// namedHosts tests whether an end is one of the hosts of a list.
func (r *resolver) namedHosts(n *ast.Node, node *ast.BinaryNode, name string, hosts *NameSet) {
	if r.element != Unknown {
		r.errorf(node, "hosts.%s can't be used in a loop", name)
		return
	}
	has := func(v string) bool { return hosts.has(v) }
	if end, _ := PathOf(node.Left); end == "host" || end == "peer" {
		r.rejectAmongAddresses(node, "hosts")
		r.uses(node, end+".name")
		field := &ast.MemberNode{Node: &ast.IdentifierNode{Value: end}, Property: &ast.StringNode{Value: "name"}}
		r.replace(n, node, call(has, field))
		return
	}
	if left := r.expression(&node.Left); left != TypeText && left != Unknown {
		r.errorf(node, "hosts.%s is for an end: host in hosts.%s, peer in hosts.%s", name, name, name)
		return
	}
	r.replace(n, node, call(has, node.Left))
}

func (r *resolver) namedRoles(n *ast.Node, node *ast.BinaryNode, name string, roles RoleSet) {
	if left, _ := PathOf(node.Left); left == "host" || left == "peer" {
		r.inRoles(n, node, left, schema.RoleLists+"."+name, roles)
		return
	}
	if _, ok := node.Left.(*ast.PointerNode); ok && r.expression(&node.Left) == TypeText {
		r.replace(n, node, call(roles.has, node.Left))
		return
	}
	r.errorf(node, "roles.%s is for an end: host in roles.%s, peer in roles.%s", name, name, name)
}

// replace puts a call in the place of a comparison.
func (r *resolver) replace(n *ast.Node, node *ast.BinaryNode, by *ast.CallNode) {
	by.Callee.SetLocation(node.Location())
	ast.Patch(n, by)
}

// inRoles tests whether an end, host or peer, has a role of a set. name is that
// of the set, or the only role in it, quoted.
func (r *resolver) inRoles(n *ast.Node, node *ast.BinaryNode, end, name string, roles RoleSet) {
	r.rejectAmongAddresses(node, "roles")
	r.uses(node, end+".roles")
	field := &ast.MemberNode{
		Node:     &ast.IdentifierNode{Value: end},
		Property: &ast.StringNode{Value: "roles"},
	}
	r.replace(n, node, call(func(v any) bool { return roles.hasAny(v.([]string)) }, field))
	list, ok := r.roleFact(name, roles)
	switch {
	case ok && end == "host":
		r.leaves[*n] = hostLeaf(list)
	case ok:
		r.leaves[*n] = peerLeaf(list)
	}
}

func (r *resolver) inPorts(n *ast.Node, node *ast.BinaryNode, ports *PortSet) {
	path, _ := PathOf(node.Left)
	r.replace(n, node, call(ports.Has, node.Left))
	if path == "conn.port" {
		r.leaves[*n] = portLeaf(ports)
	}
}

func (r *resolver) inNetworks(n *ast.Node, node *ast.BinaryNode, networks *NetworkSet) {
	r.replace(n, node, call(func(v any) bool { return networks.Has(v.(event.Address)) }, node.Left))
}

// literalList resolves in with a list that is written out.
func (r *resolver) literalList(n *ast.Node, node *ast.BinaryNode, left string, elements []ast.Node) {
	texts, numbers := nodes[*ast.StringNode](elements), nodes[*ast.IntegerNode](elements)
	switch {
	case left == TypeAddress && texts != nil:
		var prefixes []netip.Prefix
		for _, text := range texts {
			p, err := ParseNetwork(text.Value)
			if err != nil {
				r.errorf(text, "%v", err)
				continue
			}
			prefixes = append(prefixes, p)
		}
		r.inNetworks(n, node, NewNetworkSet(prefixes))
	case left == TypePort && numbers != nil:
		ports := new(PortSet)
		for _, number := range numbers {
			r.portNumber(number)
			ports.add(number.Value, number.Value)
		}
		r.inPorts(n, node, ports)
	case left == TypeText && texts != nil:
		r.inTexts(n, node, texts)
	default:
		r.expression(&node.Right)
	}
}

func (r *resolver) inTexts(n *ast.Node, node *ast.BinaryNode, texts []*ast.StringNode) {
	var values []string
	for _, text := range texts {
		values = append(values, text.Value)
	}
	d, name := r.valuesOf(node.Left)
	r.replace(n, node, call(func(v string) bool { return slices.Contains(values, v) }, node.Left))
	if d != nil {
		r.leaves[*n] = factLeaf(d, r.values(d, name, texts...))
	}
}

// inRange resolves conn.port in 1000..2000. A range anywhere else would be a
// list as long as a rule likes.
func (r *resolver) inRange(n *ast.Node, node, bounds *ast.BinaryNode, left string) {
	from, fromOK := bounds.Left.(*ast.IntegerNode)
	to, toOK := bounds.Right.(*ast.IntegerNode)
	if !fromOK || !toOK || !isNumber(left) {
		r.errorf(bounds, "a range is of two numbers, for a number: conn.port in 1000..2000")
		return
	}
	if left != TypePort {
		least, most := float64(from.Value), float64(to.Value)
		isWithin := func(v any) bool { return least <= number(v) && number(v) <= most }
		r.replace(n, node, call(isWithin, node.Left))
		return
	}
	r.portNumber(from)
	r.portNumber(to)
	if path, _ := PathOf(node.Left); path == "conn.port" {
		ports := new(PortSet)
		ports.add(from.Value, to.Value)
		r.leaves[node] = portLeaf(ports)
	}
}

// nodes returns the nodes as what they all are, nil when one is something else
// or there are none.
func nodes[T ast.Node](all []ast.Node) []T {
	var same []T
	for _, n := range all {
		one, ok := n.(T)
		if !ok {
			return nil
		}
		same = append(same, one)
	}
	return same
}
