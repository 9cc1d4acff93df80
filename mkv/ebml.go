package mkv

import "cmp"

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

// ParseEBML reads the payload of an EBML element; what it lacks, or says to be
// zero or empty, has the value EBML gives it. Unknown children are passed over.
// A fault is a *SyntaxError.
func ParseEBML(data []byte) (EBML, error) {
	var h EBML
	err := parseChildren(IDEBML, data, h.scan)
	return h.orElse(EBML{
		Version: 1, ReadVersion: 1, MaxIDLength: maxIDLength, MaxSizeLength: maxSizeLength,
		DocType: DocTypeMatroska, DocTypeVersion: 1, DocTypeReadVersion: 1,
	}), err
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

// orElse replaces what is zero by what fallback has.
func (h EBML) orElse(fallback EBML) EBML {
	return EBML{
		Version:            cmp.Or(h.Version, fallback.Version),
		ReadVersion:        cmp.Or(h.ReadVersion, fallback.ReadVersion),
		MaxIDLength:        cmp.Or(h.MaxIDLength, fallback.MaxIDLength),
		MaxSizeLength:      cmp.Or(h.MaxSizeLength, fallback.MaxSizeLength),
		DocType:            cmp.Or(h.DocType, fallback.DocType),
		DocTypeVersion:     cmp.Or(h.DocTypeVersion, fallback.DocTypeVersion),
		DocTypeReadVersion: cmp.Or(h.DocTypeReadVersion, fallback.DocTypeReadVersion),
	}
}

// AppendEBML appends an EBML element.
func AppendEBML(b []byte, h EBML) []byte {
	h = h.orElse(EBML{
		Version: 1, ReadVersion: 1, MaxIDLength: maxIDLength, MaxSizeLength: maxSizeLength,
		DocType: DocTypeMatroska, DocTypeVersion: 4, DocTypeReadVersion: 2,
	})
	var p []byte
	p = AppendUint(p, IDEBMLVersion, h.Version)
	p = AppendUint(p, IDEBMLReadVersion, h.ReadVersion)
	p = AppendUint(p, IDEBMLMaxIDLength, h.MaxIDLength)
	p = AppendUint(p, IDEBMLMaxSizeLength, h.MaxSizeLength)
	p = AppendString(p, IDDocType, h.DocType)
	p = AppendUint(p, IDDocTypeVersion, h.DocTypeVersion)
	p = AppendUint(p, IDDocTypeReadVersion, h.DocTypeReadVersion)
	return AppendBytes(b, IDEBML, p)
}
