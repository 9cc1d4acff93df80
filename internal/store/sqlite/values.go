package sqlite

import (
	"errors"
	"time"
)

// A values takes the values of a row one after another. A value of another
// type than the one asked for is ErrCorrupt; after an error come zeros.
type values struct {
	table table
	row   row
	next  int
	err   error
}

func (v *values) number() int64 { return take[int64](v) }
func (v *values) text() string  { return take[string](v) }
func (v *values) blob() []byte  { return take[[]byte](v) }

// moment is a time in milliseconds since 1970.
func (v *values) moment() time.Time { return time.UnixMilli(v.number()).UTC() }

// fail makes err, if there is one, the row's.
func (v *values) fail(err error) {
	if err != nil && v.err == nil {
		v.err = v.table.corrupt(v.row, "makes no sense ("+err.Error()+")")
	}
}

func take[T int64 | string | []byte](v *values) T {
	var none T
	if v.err != nil {
		return none
	}
	if v.next < len(v.row) {
		if value, ok := v.row[v.next].(T); ok {
			v.next++
			return value
		}
	}
	v.fail(errors.New("a value of another type"))
	return none
}
