package main

import (
	"fmt"
	"strconv"
	"time"

	"github.com/millrace/millrace/mkv"
)

// How much of a value is shown.
const (
	maxDumpText  = 200 // characters
	maxDumpBytes = 32
)

// A valueKind is how the payload of an element is written.
type valueKind uint8

const (
	binaryValue valueKind = iota
	masterValue           // elements
	uintValue
	intValue
	floatValue
	textValue
	dateValue
	idValue
	emptyValue // nothing that means anything
)

func isMaster(id mkv.ElementID) bool { return kindOfValue(id) == masterValue }

// kindOfValue is what Matroska says of an element; of one without a name here,
// bytes.
func kindOfValue(id mkv.ElementID) valueKind {
	switch id {
	case mkv.IDEBML, mkv.IDSegment, mkv.IDCluster, mkv.IDSeekHead, mkv.IDSeek, mkv.IDInfo, mkv.IDTracks, mkv.IDTrackEntry, mkv.IDVideo, mkv.IDAudio,
		mkv.IDBlockGroup, mkv.IDSilentTracks, mkv.IDTags, mkv.IDTag, mkv.IDTargets, mkv.IDSimpleTag, mkv.IDCues, mkv.IDCuePoint, mkv.IDCueTrackPositions:
		return masterValue
	case mkv.IDDocType, mkv.IDSegmentFilename, mkv.IDTitle, mkv.IDMuxingApp, mkv.IDWritingApp, mkv.IDName, mkv.IDLanguage, mkv.IDCodecID, mkv.IDCodecName,
		mkv.IDTagName, mkv.IDTagString:
		return textValue
	case mkv.IDDuration, mkv.IDSamplingFrequency, mkv.IDOutputSamplingFrequency:
		return floatValue
	case mkv.IDReferenceBlock:
		return intValue
	case mkv.IDDateUTC:
		return dateValue
	case mkv.IDSeekID:
		return idValue
	case mkv.IDVoid:
		return emptyValue
	case mkv.IDSegmentUID, mkv.IDCodecPrivate, mkv.IDTagBinary, mkv.IDCRC32, mkv.IDSimpleBlock, mkv.IDBlock, mkv.IDChapters, mkv.IDAttachments:
		return binaryValue
	}
	if named := id.String()[0] != '0'; named {
		return uintValue // what is left of those that have a name
	}
	return binaryValue
}

// valueOf writes the payload of an element that holds no others.
func valueOf(e mkv.Element) (string, error) {
	data := e.Data()
	switch kindOfValue(e.ID) {
	case uintValue:
		v, err := mkv.ParseUint(data)
		if e.ID == mkv.IDTrackType {
			return fmt.Sprintf("%d (%s)", v, mkv.TrackType(v)), err
		}
		return strconv.FormatUint(v, 10), err
	case intValue:
		v, err := mkv.ParseInt(data)
		return strconv.FormatInt(v, 10), err
	case floatValue:
		v, err := mkv.ParseFloat(data)
		return strconv.FormatFloat(v, 'g', -1, 64), err
	case textValue:
		return textOf(data), nil
	case dateValue:
		v, err := mkv.ParseDate(data)
		return v.Format(time.RFC3339Nano), err
	case idValue:
		v, err := mkv.ParseUint(data)
		return mkv.ElementID(uint32(v)).String(), err
	case emptyValue:
		return "", nil
	}
	return bytesOf(data), nil
}

// textOf is a text in quotes, on one line, cut if it is long.
func textOf(data []byte) string {
	more := ""
	if len(data) > maxDumpText {
		data, more = data[:maxDumpText], "…"
	}
	return strconv.Quote(mkv.ParseString(data)) + more
}

// bytesOf is the beginning of data in hexadecimal.
func bytesOf(data []byte) string {
	if len(data) > maxDumpBytes {
		return fmt.Sprintf("%x…", data[:maxDumpBytes])
	}
	return fmt.Sprintf("%x", data)
}
