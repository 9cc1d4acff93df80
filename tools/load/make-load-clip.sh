#!/usr/bin/env bash
# Makes the file that load tests push: 60 seconds at a constant 2 Mbit/s in fragments
# of 2 seconds. Run: ./make-load-clip.sh OUT.mkv
#
# Needs ffmpeg with libx264 (Debian 12: apt-get install ffmpeg). The file is about
# 15 MB; it is made where it is needed and not kept in the repository.
#
# H.264, 1280x720, 25 frames a second, no B-frames, a key frame and a Cluster every two
# seconds: 30 Clusters, 1,500 frames. The picture is a moving test chart under noise,
# which gives the encoder more to say than it has bits for, and the encoder fills what
# is left (a constant bit rate with filler), so every Cluster has nearly the same size.
set -euo pipefail
out=${1:?usage: make-load-clip.sh OUT.mkv}

rate=25
gop=$((2 * rate))
seconds=60
kbit=${KBIT:-1990} # of the elementary stream; the container adds the rest

ffmpeg -hide_banner -loglevel error -y \
  -f lavfi -i "testsrc2=size=1280x720:rate=$rate:duration=$seconds,noise=alls=12:allf=t:all_seed=1,format=yuv420p" \
  -c:v libx264 -preset veryfast -threads 1 \
  -x264-params "keyint=$gop:min-keyint=$gop:scenecut=0:bframes=0:nal-hrd=cbr:force-cfr=1" \
  -b:v "${kbit}k" -minrate "${kbit}k" -maxrate "${kbit}k" -bufsize "${kbit}k" \
  -map_metadata -1 -fflags +bitexact -flags:v +bitexact \
  -f matroska -cluster_time_limit $((2000 - 1)) "$out"

bytes=$(wc -c <"$out")
echo "$out: $bytes bytes, $((bytes * 8 / seconds / 1000)) kbit/s"
