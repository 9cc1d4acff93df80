package export

import (
	"fmt"
	"slices"
	"strings"
)

// A Container is a form in which media are written.
type Container string

// The containers.
const (
	// ContainerMKV is one Matroska document: with sizes, duration and an index for
	// seeking in a file, endless on a pipe. It carries everything.
	ContainerMKV Container = "mkv"
	// ContainerMP4 is one MP4 file with its tables behind the media, or in front of
	// them with Options.FastStart; on a pipe it is fragmented. It carries H.264,
	// H.265, AV1, AAC, Opus and G.711.
	ContainerMP4 Container = "mp4"
	// ContainerTS is an MPEG-2 transport stream of a track of H.264, one of AAC, or
	// both.
	ContainerTS Container = "ts"
	// ContainerAnnexB is the bare pictures of one track of H.264 or H.265 behind
	// start codes, with the parameter sets before each key frame.
	ContainerAnnexB Container = "annexb"
	// ContainerADTS is the frames of one track of AAC, each behind a header.
	ContainerADTS Container = "adts"
	// ContainerWAV is the samples of one track of PCM or G.711.
	ContainerWAV Container = "wav"
	// ContainerJPEG is the pictures of one track of MJPEG, one behind the other. See
	// also NewStills.
	ContainerJPEG Container = "jpeg"
	// ContainerRaw is each fragment's document as the server sent it, one document
	// after the other.
	ContainerRaw Container = "raw"
	// ContainerJSON is a line for each frame and fragment, without media.
	ContainerJSON Container = "json"
)

// Containers lists all of them.
func Containers() []Container {
	return []Container{
		ContainerMKV, ContainerMP4, ContainerTS, ContainerAnnexB, ContainerADTS, ContainerWAV, ContainerJPEG, ContainerRaw, ContainerJSON,
	}
}

// ParseContainer is the container of a name, or an error that lists the names.
func ParseContainer(name string) (Container, error) {
	all := Containers()
	if c := Container(name); slices.Contains(all, c) {
		return c, nil
	}
	var names []string
	for _, c := range all {
		names = append(names, string(c))
	}
	return "", fmt.Errorf("container %q is not one of %s", name, strings.Join(names, ", "))
}
