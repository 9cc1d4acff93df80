package sqlite

import (
	"encoding/binary"
	"hash/crc32"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// A row is the values of one row as SQLite has them, in the order of its
// table's columns and without the checksum: int64, string or []byte.
type row []any

// sumOf is the checksum of a row: CRC-32C of the table's name and of every
// value, each behind its type and, where that does not say it, its length. Two
// rows of different tables, or with the same bytes in other columns or of
// other types, have different encodings.
func sumOf(table string, r row) uint32 {
	b := appendText(make([]byte, 0, 512), 't', table)
	for _, value := range r {
		b = appendValue(b, value)
	}
	return crc32.Checksum(b, castagnoli)
}

func appendValue(b []byte, value any) []byte {
	switch v := value.(type) {
	case int64:
		return binary.BigEndian.AppendUint64(append(b, 'i'), uint64(v))
	case string:
		return appendText(b, 't', v)
	case []byte:
		return appendText(b, 'b', string(v))
	}
	return append(b, 'x') // NULL and REAL, which we never write
}

func appendText(b []byte, kind byte, text string) []byte {
	b = binary.AppendUvarint(append(b, kind), uint64(len(text)))
	return append(b, text...)
}
