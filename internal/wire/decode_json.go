package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"strings"

	"github.com/millrace/millrace"
)

// DecodeJSON reads the JSON object in body into the struct that in points to.
//
// Members are found by the names in the fields' json tags, exactly, case
// included. Unknown members are skipped, null is the same as absent, of a
// member that is given twice the last counts, and an empty body is the empty
// object. Fields may be strings and bools, int32 and int64, Timestamps, structs,
// slices and maps with string keys of these, and pointers to these; a pointer
// tells absent from zero. A number for an integer field must be whole, in any
// form, and fit.
//
// Everything else (no object, a wrong type, text behind the object) is an error
// with CodeSerialization, but for a timestamp that is out of range: that is
// CodeInvalidArgument. A field type that is not supported panics: it is a
// mistake in the program and no input.
func DecodeJSON(body []byte, in any) error {
	if len(bytes.TrimSpace(body)) == 0 {
		return nil
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return &millrace.Error{Code: millrace.CodeSerialization, Message: "The request body is not valid JSON.", Err: err}
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return millrace.Errorf(millrace.CodeSerialization, "The request body goes on after its JSON object.")
	}
	members, ok := v.(map[string]any)
	if !ok {
		return millrace.Errorf(millrace.CodeSerialization, "The request body is not a JSON object.")
	}
	return setStruct(reflect.ValueOf(in).Elem(), members, "")
}

// setStruct fills the fields whose members are present. path names the struct
// in messages.
func setStruct(to reflect.Value, members map[string]any, path string) error {
	for field, value := range to.Fields() {
		if field.Anonymous && field.Tag.Get("json") == "" {
			if err := setStruct(value, members, path); err != nil {
				return err
			}
			continue
		}
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		v := members[name]
		if name == "" || name == "-" || v == nil {
			continue
		}
		if err := setValue(value, v, join(path, name)); err != nil {
			return err
		}
	}
	return nil
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// setValue stores v, which is not nil, in to.
func setValue(to reflect.Value, v any, path string) error {
	if to.Type() == reflect.TypeFor[Timestamp]() {
		return setTimestamp(to, v, path)
	}
	switch to.Kind() {
	case reflect.Pointer:
		p := reflect.New(to.Type().Elem())
		to.Set(p)
		return setValue(p.Elem(), v, path)
	case reflect.String:
		s, ok := v.(string)
		to.SetString(s)
		return wrongType(ok, path, "a string")
	case reflect.Bool:
		b, ok := v.(bool)
		to.SetBool(b)
		return wrongType(ok, path, "a boolean")
	case reflect.Int32, reflect.Int64:
		return setInteger(to, v, path)
	case reflect.Struct:
		members, ok := v.(map[string]any)
		if !ok {
			return wrongType(false, path, "an object")
		}
		return setStruct(to, members, path)
	case reflect.Map:
		return setMap(to, v, path)
	case reflect.Slice:
		return setSlice(to, v, path)
	}
	panic("wire: a JSON member cannot be a " + to.Type().String())
}

// wrongType is nil if ok.
func wrongType(ok bool, path, want string) error {
	if ok {
		return nil
	}
	return millrace.Errorf(millrace.CodeSerialization, "The member %.200s is not %s.", path, want)
}

func setInteger(to reflect.Value, v any, path string) error {
	number, ok := v.(json.Number)
	if !ok {
		return wrongType(false, path, "an integer")
	}
	d, ok := parseDecimal(number.String())
	if !ok {
		return wrongType(false, path, "an integer")
	}
	n, ok := d.integer()
	if !ok || to.Kind() == reflect.Int32 && (n < math.MinInt32 || n > math.MaxInt32) {
		return wrongType(false, path, fmt.Sprintf("an integer of %d bits", to.Type().Bits()))
	}
	to.SetInt(n)
	return nil
}

func setTimestamp(to reflect.Value, v any, path string) error {
	var text string
	switch v := v.(type) {
	case json.Number:
		text = v.String()
	case string:
		text = v
	}
	at, err := ParseTimestamp(text)
	switch {
	case errors.Is(err, errTimestampRange):
		return millrace.Errorf(millrace.CodeInvalidArgument, "The member %.200s is %.60s, which is out of range: timestamps are in seconds.", path, text)
	case err != nil:
		return wrongType(false, path, "a timestamp")
	}
	to.Set(reflect.ValueOf(Timestamp{at}))
	return nil
}

func setMap(to reflect.Value, v any, path string) error {
	members, ok := v.(map[string]any)
	if !ok {
		return wrongType(false, path, "an object")
	}
	to.Set(reflect.MakeMapWithSize(to.Type(), len(members)))
	for key, member := range members {
		if member == nil {
			continue
		}
		elem := reflect.New(to.Type().Elem()).Elem()
		if err := setValue(elem, member, join(path, key)); err != nil {
			return err
		}
		to.SetMapIndex(reflect.ValueOf(key).Convert(to.Type().Key()), elem)
	}
	return nil
}

func setSlice(to reflect.Value, v any, path string) error {
	elems, ok := v.([]any)
	if !ok {
		return wrongType(false, path, "a list")
	}
	to.Set(reflect.MakeSlice(to.Type(), len(elems), len(elems)))
	for i, elem := range elems {
		at := fmt.Sprintf("%s[%d]", path, i)
		if elem == nil {
			return wrongType(false, at, "a value")
		}
		if err := setValue(to.Index(i), elem, at); err != nil {
			return err
		}
	}
	return nil
}
