package wire

import (
	"encoding"
	"errors"
	"fmt"
	"math"
	"reflect"
)

// Marshal returns the msgpack of saved state: a value of any type, by
// reflection, at most a few times a minute. A struct is the array of its
// exported fields, so a type that changes is another format, and what is saved
// carries a version. A type with MarshalBinary, such as time.Time, is a byte
// string. Maps are in no order.
//
// It is not the library's Encode, which takes a type's text for its value, and
// whose Decode allocates whatever length is claimed and returns local times.
func Marshal(v any) ([]byte, error) {
	var w Writer
	w.Reset(nil)
	m := mapper{w: &w, fields: map[reflect.Type][]int{}}
	// A pointer makes the fields addressable.
	p := reflect.New(reflect.TypeOf(v))
	p.Elem().Set(reflect.ValueOf(v))
	if err := m.write(p.Elem()); err != nil {
		return nil, fmt.Errorf("msgpack: %w", err)
	}
	return w.Bytes(), nil
}

// Unmarshal reads what Marshal returned for a value of the type that p points
// to. Memory is taken for values that are there, not for a length that is
// claimed.
func Unmarshal(data []byte, p any) error {
	var r Reader
	r.Reset(data)
	m := mapper{r: &r, fields: map[reflect.Type][]int{}}
	if err := m.read(reflect.ValueOf(p).Elem()); err != nil {
		return fmt.Errorf("msgpack: %w", err)
	}
	if err := r.End(); err != nil {
		return fmt.Errorf("msgpack: %w", err)
	}
	return nil
}

// mapper writes or reads values of any type.
type mapper struct {
	w      *Writer
	r      *Reader
	fields map[reflect.Type][]int // exported ones of the structs met so far
}

func (m *mapper) exported(t reflect.Type) []int {
	fields, known := m.fields[t]
	if !known {
		for i := range t.NumField() {
			if t.Field(i).IsExported() {
				fields = append(fields, i)
			}
		}
		m.fields[t] = fields
	}
	return fields
}

func (m *mapper) write(v reflect.Value) error {
	if b, ok := binary[encoding.BinaryMarshaler](v); ok {
		data, err := b.MarshalBinary()
		m.w.Binary(data)
		return err
	}
	switch v.Kind() {
	case reflect.Bool:
		_ = m.w.encoder.EncodeBool(v.Bool())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		m.w.Int(v.Int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		m.w.Uint(v.Uint())
	case reflect.Float32, reflect.Float64:
		_ = m.w.encoder.EncodeFloat64(v.Float())
	case reflect.String:
		m.w.String(v.String())
	case reflect.Pointer:
		if !v.IsNil() {
			return m.write(v.Elem())
		}
		m.w.Nil()
	case reflect.Slice, reflect.Array:
		return m.writeList(v)
	case reflect.Map:
		return m.writeMap(v)
	case reflect.Struct:
		fields := m.exported(v.Type())
		m.w.Array(len(fields))
		for _, i := range fields {
			if err := m.write(v.Field(i)); err != nil {
				return err
			}
		}
	default:
		return fmt.Errorf("%s can't be saved", v.Type())
	}
	return nil
}

func (m *mapper) writeList(v reflect.Value) error {
	switch {
	case v.Kind() == reflect.Slice && v.IsNil():
		m.w.Nil()
	case v.Type().Elem().Kind() == reflect.Uint8:
		m.w.Binary(v.Bytes())
	default:
		m.w.Array(v.Len())
		for i := range v.Len() {
			if err := m.write(v.Index(i)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (m *mapper) writeMap(v reflect.Value) error {
	if v.IsNil() {
		m.w.Nil()
		return nil
	}
	m.w.Map(v.Len())
	// Keys and values are copied to where they have an address.
	key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
	for all := v.MapRange(); all.Next(); {
		key.SetIterKey(all)
		value.SetIterValue(all)
		if err := errors.Join(m.write(key), m.write(value)); err != nil {
			return err
		}
	}
	return nil
}

func (m *mapper) read(v reflect.Value) error {
	if b, ok := binary[encoding.BinaryUnmarshaler](v); ok {
		data := m.r.Binary()
		if m.r.err != nil {
			return m.r.err
		}
		return b.UnmarshalBinary(data)
	}
	switch v.Kind() {
	case reflect.Bool:
		on, err := m.r.decoder.DecodeBool()
		if err != nil {
			return err
		}
		v.SetBool(on)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		n := m.r.Int()
		if v.OverflowInt(n) {
			return fmt.Errorf("%d is no %s", n, v.Type())
		}
		v.SetInt(n)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		n := m.r.Uint64()
		if v.OverflowUint(n) {
			return fmt.Errorf("%d is no %s", n, v.Type())
		}
		v.SetUint(n)
	case reflect.Float32, reflect.Float64:
		n, err := m.r.decoder.DecodeFloat64()
		if err != nil {
			return err
		}
		v.SetFloat(n)
	case reflect.String:
		v.SetString(string(m.r.Text()))
	case reflect.Pointer:
		if m.r.Nil() {
			return nil
		}
		v.Set(reflect.New(v.Type().Elem()))
		return m.read(v.Elem())
	case reflect.Slice:
		return m.readSlice(v)
	case reflect.Array:
		return m.readArray(v)
	case reflect.Map:
		return m.readMap(v)
	case reflect.Struct:
		fields := m.exported(v.Type())
		if n := m.r.Array(math.MaxInt32); m.r.err == nil && n != len(fields) {
			return fmt.Errorf("%d fields for %s, want %d", n, v.Type(), len(fields))
		}
		for _, i := range fields {
			if err := m.read(v.Field(i)); err != nil {
				return err
			}
		}
	default:
		return fmt.Errorf("%s can't be restored", v.Type())
	}
	return m.r.err
}

func (m *mapper) readSlice(v reflect.Value) error {
	if m.r.Nil() {
		return nil
	}
	if v.Type().Elem().Kind() == reflect.Uint8 {
		v.SetBytes(append([]byte{}, m.r.Binary()...))
		return m.r.err
	}
	n := m.r.Array(math.MaxInt32)
	if m.r.err == nil {
		v.Set(reflect.MakeSlice(v.Type(), 0, min(n, 16)))
	}
	for i := range n {
		if i == v.Cap() {
			v.Grow(1) // doubles it
		}
		v.SetLen(i + 1)
		if err := m.read(v.Index(i)); err != nil {
			return err
		}
	}
	return m.r.err
}

func (m *mapper) readArray(v reflect.Value) error {
	if v.Type().Elem().Kind() == reflect.Uint8 {
		b := m.r.Binary()
		if m.r.err == nil && len(b) != v.Len() {
			return fmt.Errorf("%d bytes for %s", len(b), v.Type())
		}
		copy(v.Bytes(), b)
		return m.r.err
	}
	if n := m.r.Array(math.MaxInt32); m.r.err == nil && n != v.Len() {
		return fmt.Errorf("%d entries for %s", n, v.Type())
	}
	for i := range v.Len() {
		if err := m.read(v.Index(i)); err != nil {
			return err
		}
	}
	return m.r.err
}

func (m *mapper) readMap(v reflect.Value) error {
	if m.r.Nil() {
		return nil
	}
	n := m.r.Map()
	if m.r.err == nil {
		v.Set(reflect.MakeMapWithSize(v.Type(), min(n, 16)))
	}
	for range n {
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		if err := m.read(key); err != nil {
			return err
		}
		if err := m.read(value); err != nil {
			return err
		}
		v.SetMapIndex(key, value)
	}
	return m.r.err
}

// binary returns a value as one that marshals itself.
func binary[I any](v reflect.Value) (i I, ok bool) {
	if v.Kind() == reflect.Struct && v.CanAddr() {
		i, ok = v.Addr().Interface().(I)
	}
	return i, ok
}
