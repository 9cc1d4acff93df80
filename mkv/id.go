package mkv

import "fmt"

// ElementID is an EBML element id with its length marker, as it stands in the
// bytes: 0x1A45DFA3 is EBML. Ids have one to four bytes.
type ElementID uint32

// Level 0, and the children of EBML.
const (
	IDEBML               ElementID = 0x1A45DFA3
	IDEBMLVersion        ElementID = 0x4286
	IDEBMLReadVersion    ElementID = 0x42F7
	IDEBMLMaxIDLength    ElementID = 0x42F2
	IDEBMLMaxSizeLength  ElementID = 0x42F3
	IDDocType            ElementID = 0x4282
	IDDocTypeVersion     ElementID = 0x4287
	IDDocTypeReadVersion ElementID = 0x4285

	IDSegment ElementID = 0x18538067
)

// Void and CRC32 may stand at every level.
const (
	IDVoid  ElementID = 0xEC
	IDCRC32 ElementID = 0xBF
)

// Level 1: the children of Segment.
const (
	IDSeekHead    ElementID = 0x114D9B74
	IDInfo        ElementID = 0x1549A966
	IDTracks      ElementID = 0x1654AE6B
	IDCluster     ElementID = 0x1F43B675
	IDCues        ElementID = 0x1C53BB6B
	IDTags        ElementID = 0x1254C367
	IDChapters    ElementID = 0x1043A770
	IDAttachments ElementID = 0x1941A469
)

// Below SeekHead.
const (
	IDSeek         ElementID = 0x4DBB
	IDSeekID       ElementID = 0x53AB
	IDSeekPosition ElementID = 0x53AC
)

// Below Info.
const (
	IDSegmentUID      ElementID = 0x73A4
	IDSegmentFilename ElementID = 0x7384
	IDTimecodeScale   ElementID = 0x2AD7B1
	IDDuration        ElementID = 0x4489
	IDDateUTC         ElementID = 0x4461
	IDTitle           ElementID = 0x7BA9
	IDMuxingApp       ElementID = 0x4D80
	IDWritingApp      ElementID = 0x5741
)

// Below Tracks.
const (
	IDTrackEntry      ElementID = 0xAE
	IDTrackNumber     ElementID = 0xD7
	IDTrackUID        ElementID = 0x73C5
	IDTrackType       ElementID = 0x83
	IDFlagLacing      ElementID = 0x9C
	IDDefaultDuration ElementID = 0x23E383
	IDName            ElementID = 0x536E
	IDLanguage        ElementID = 0x22B59C
	IDCodecID         ElementID = 0x86
	IDCodecPrivate    ElementID = 0x63A2
	IDCodecName       ElementID = 0x258688
	IDCodecDelay      ElementID = 0x56AA
	IDSeekPreRoll     ElementID = 0x56BB

	IDVideo         ElementID = 0xE0
	IDPixelWidth    ElementID = 0xB0
	IDPixelHeight   ElementID = 0xBA
	IDDisplayWidth  ElementID = 0x54B0
	IDDisplayHeight ElementID = 0x54BA
	IDColour        ElementID = 0x55B0

	IDAudio                   ElementID = 0xE1
	IDSamplingFrequency       ElementID = 0xB5
	IDOutputSamplingFrequency ElementID = 0x78B5
	IDChannels                ElementID = 0x9F
	IDBitDepth                ElementID = 0x6264
)

// Below Cluster.
const (
	IDTimecode       ElementID = 0xE7
	IDPosition       ElementID = 0xA7
	IDPrevSize       ElementID = 0xAB
	IDSilentTracks   ElementID = 0x5854
	IDSimpleBlock    ElementID = 0xA3
	IDBlockGroup     ElementID = 0xA0
	IDBlock          ElementID = 0xA1
	IDBlockDuration  ElementID = 0x9B
	IDReferenceBlock ElementID = 0xFB
	IDDiscardPadding ElementID = 0x75A2
)

// Below Tags.
const (
	IDTag       ElementID = 0x7373
	IDTargets   ElementID = 0x63C0
	IDSimpleTag ElementID = 0x67C8
	IDTagName   ElementID = 0x45A3
	IDTagString ElementID = 0x4487
	IDTagBinary ElementID = 0x4485
)

// Below Cues.
const (
	IDCuePoint            ElementID = 0xBB
	IDCueTime             ElementID = 0xB3
	IDCueTrackPositions   ElementID = 0xB7
	IDCueTrack            ElementID = 0xF7
	IDCueClusterPosition  ElementID = 0xF1
	IDCueRelativePosition ElementID = 0xF0
)

// topLevel returns the level of an id that ends an open Cluster: 0 for EBML and
// Segment, 1 for the children of Segment, -1 for everything else.
func topLevel(id ElementID) int {
	if id < 1<<24 {
		return -1
	}
	switch id {
	case IDEBML, IDSegment:
		return 0
	case IDSeekHead, IDInfo, IDTracks, IDCluster, IDCues, IDTags, IDChapters, IDAttachments:
		return 1
	}
	return -1
}

// String returns Matroska's name of the element, or 0x and the hexadecimal id
// if the package has no name for it.
func (id ElementID) String() string {
	if name := topName(id); name != "" {
		return name
	}
	if name := headerName(id); name != "" {
		return name
	}
	if name := clusterName(id); name != "" {
		return name
	}
	return fmt.Sprintf("0x%X", uint32(id))
}

func topName(id ElementID) string {
	switch id {
	case IDEBML:
		return "EBML"
	case IDSegment:
		return "Segment"
	case IDVoid:
		return "Void"
	case IDCRC32:
		return "CRC-32"
	case IDSeekHead:
		return "SeekHead"
	case IDInfo:
		return "Info"
	case IDTracks:
		return "Tracks"
	case IDCluster:
		return "Cluster"
	case IDCues:
		return "Cues"
	case IDTags:
		return "Tags"
	case IDChapters:
		return "Chapters"
	case IDAttachments:
		return "Attachments"
	}
	return ""
}
