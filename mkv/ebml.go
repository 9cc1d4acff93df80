package mkv

// Document types.
const (
	DocTypeMatroska = "matroska"
	DocTypeWebM     = "webm"
)

// EBML is the header that begins a document. The zero value stands for
// Matroska as this package writes it.
type EBML struct {
	Version            uint64 // 0 means 1
	ReadVersion        uint64 // 0 means 1
	MaxIDLength        uint64 // 0 means 4
	MaxSizeLength      uint64 // 0 means 8
	DocType            string // empty means DocTypeMatroska
	DocTypeVersion     uint64 // 0 means 4 when written, 1 when read
	DocTypeReadVersion uint64 // 0 means 2 when written, 1 when read
}

// ParseEBML reads the payload of an EBML element; what it lacks has the value
// EBML gives it. Unknown children are passed over. A fault is a *SyntaxError.
func ParseEBML(data []byte) (EBML, error) {
	h := EBML{
		Version: 1, ReadVersion: 1, MaxIDLength: 4, MaxSizeLength: 8,
		DocType: DocTypeMatroska, DocTypeVersion: 1, DocTypeReadVersion: 1,
	}
	err := parseChildren(IDEBML, data, h.scan)
	return h, err
}

func (h *EBML) scan(e Element) error {
	switch e.ID {
	case IDEBMLVersion:
		return scanUint(&h.Version, e)
	case IDEBMLReadVersion:
		return scanUint(&h.ReadVersion, e)
	case IDEBMLMaxIDLength:
		return scanUint(&h.MaxIDLength, e)
	case IDEBMLMaxSizeLength:
		return scanUint(&h.MaxSizeLength, e)
	case IDDocType:
		return scanString(&h.DocType, e)
	case IDDocTypeVersion:
		return scanUint(&h.DocTypeVersion, e)
	case IDDocTypeReadVersion:
		return scanUint(&h.DocTypeReadVersion, e)
	}
	return nil
}

// AppendEBML appends an EBML element.
func AppendEBML(b []byte, h EBML) []byte {
	var p []byte
	p = AppendUint(p, IDEBMLVersion, orElse(h.Version, 1))
	p = AppendUint(p, IDEBMLReadVersion, orElse(h.ReadVersion, 1))
	p = AppendUint(p, IDEBMLMaxIDLength, orElse(h.MaxIDLength, maxIDLength))
	p = AppendUint(p, IDEBMLMaxSizeLength, orElse(h.MaxSizeLength, maxSizeLength))
	p = AppendString(p, IDDocType, orElse(h.DocType, DocTypeMatroska))
	p = AppendUint(p, IDDocTypeVersion, orElse(h.DocTypeVersion, 4))
	p = AppendUint(p, IDDocTypeReadVersion, orElse(h.DocTypeReadVersion, 2))
	return AppendBytes(b, IDEBML, p)
}

func orElse[T comparable](v, fallback T) T {
	var zero T
	if v == zero {
		return fallback
	}
	return v
}
