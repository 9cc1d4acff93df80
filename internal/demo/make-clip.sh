#!/usr/bin/env bash
# Makes clip.mkv beside it: the built-in camera's minute. Run: ./make-clip.sh [OUT]
#
# Needs ffmpeg with libx264 and libfreetype, and the font DejaVu Sans (Debian 12:
# apt-get install ffmpeg fonts-dejavu-core). Nothing but ffmpeg's filters draws.
#
# The picture: a clock face whose hand goes round once in the 60 seconds of the clip,
# the second of the minute in digits, a counter of frames, and a dot that steps through
# the 25 frames of each second. The first frame is second 0, so a player that enters at
# the current second of the minute shows the time, and what it lags behind the wall
# clock is its latency.
#
# The file: 640x360, 25 frames a second, H.264 main profile without B-frames, a key
# frame every second and a Cluster for each of them, 60 Clusters, 1,500 frames.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$here/clip.mkv}
fonts=${FONTS:-/usr/share/fonts/truetype/dejavu}
bold=$fonts/DejaVuSans-Bold.ttf
mono=$fonts/DejaVuSansMono-Bold.ttf

rate=25
seconds=60
cx=180 # centre of the face
cy=180

# Colours as 0xRRGGBB.
ink=0xe8eef2
dim=0x8fa3b0
amber=0xffb020

# One channel of the still picture: a background that darkens downwards from $1 by $2,
# a round face of value $3, its rim and ticks of value $4. Distances are in pixels from
# the edge of a shape and make edges soft.
channel() {
  local r="st(0,hypot(X-$cx,Y-$cy))"                            # radius
  local a="st(1,atan2(X-$cx,$cy-Y)*30/PI)"                      # angle in seconds, -30 to 30
  local minor="st(2,abs(sin((ld(1)-round(ld(1)))*PI/30))*ld(0))"     # to the nearest second's line
  local major="st(3,abs(sin((ld(1)-5*round(ld(1)/5))*PI/30))*ld(0))" # to the nearest fifth's line
  local face="st(4,clip(162.5-ld(0),0,1))"
  local rim="st(5,clip(3-abs(ld(0)-162)+0.5,0,1))"
  local ticks="st(6,max(clip(1.3-ld(2),0,1)*clip(153-ld(0),0,1)*clip(ld(0)-144,0,1),clip(2.6-ld(3),0,1)*clip(153-ld(0),0,1)*clip(ld(0)-134,0,1)))"
  local ground="st(7,$1-$2*Y/H)"
  echo "$r*0+$a*0+$minor*0+$major*0+$face*0+$rim*0+$ticks*0+$ground*0+(ld(7)*(1-ld(4))+$3*ld(4))*(1-max(ld(5),ld(6)))+$4*max(ld(5),ld(6))"
}

numerals() {
  local s
  for s in 60 5 10 15 20 25 30 35 40 45 50 55; do
    printf ",drawtext=fontfile=%s:text=%d:fontsize=21:fontcolor=%s:x=%d+114*sin(2*PI*%d/60)-tw/2:y=%d-114*cos(2*PI*%d/60)-8" \
      "$bold" "$s" "$dim" "$cx" "$s" "$cy" "$s"
  done
}

# The hand points up in a square of its own, which is then turned about its middle.
hand_alpha="255*max(max(clip(2.6-abs(X-160),0,1)*clip(Y-14,0,1)*clip(196-Y,0,1),clip(9.5-hypot(X-160,Y-160),0,1)),clip(6.5-hypot(X-160,Y-160),0,1))"

right=376 # left edge of the texts beside the face

ffmpeg -hide_banner -loglevel error -y \
  -f lavfi -i "color=c=black:s=640x360:r=$rate:d=0.04" \
  -f lavfi -i "color=c=$amber:s=320x320:r=$rate:d=0.04" \
  -f lavfi -i "color=c=$amber:s=8x8:r=$rate:d=$seconds" \
  -filter_complex "
    [0:v]format=gbrp,geq=r='$(channel 30 14 16 190)':g='$(channel 44 20 24 206)':b='$(channel 56 24 32 216)'$(numerals),
      drawtext=fontfile=$bold:text=Millrace:fontsize=30:fontcolor=$ink:x=$right:y=36,
      drawtext=fontfile=$bold:text='second':fontsize=17:fontcolor=$dim:x=$right:y=96,
      drawtext=fontfile=$bold:text='frame':fontsize=17:fontcolor=$dim:x=$right:y=236,
      drawbox=x=$right:y=312:w=232:h=2:color=$dim:t=fill,
      loop=loop=-1:size=1:start=0,setpts=N/($rate*TB),fps=$rate,trim=duration=$seconds[still];
    [1:v]format=rgba,geq=r=255:g=176:b=32:a='$hand_alpha',loop=loop=-1:size=1:start=0,setpts=N/($rate*TB),fps=$rate,trim=duration=$seconds,
      rotate=a='2*PI*n/($rate*$seconds)':c=none:ow=iw:oh=ih[hand];
    [still][hand]overlay=x=$cx-160:y=$cy-160:format=gbrp,
      drawtext=fontfile=$mono:text='%{eif\\:floor(n/$rate)\\:d\\:2}':fontsize=116:fontcolor=$ink:x=$right-6:y=116,
      drawtext=fontfile=$mono:text='%{eif\\:n\\:d\\:4}':fontsize=42:fontcolor=$ink:x=$right:y=258[texts];
    [texts][2:v]overlay=x='$right+mod(round(t*$rate),$rate)*9.33':y=309:format=gbrp:eval=frame,
      scale=out_color_matrix=bt709:out_range=tv,format=yuv420p[picture]" \
  -map "[picture]" -frames:v $((rate * seconds)) \
  -c:v libx264 -profile:v main -preset veryslow -tune animation -crf 23 -threads 1 \
  -x264-params "keyint=$rate:min-keyint=$rate:scenecut=0:bframes=0:ref=3:level=3.0" \
  -colorspace bt709 -color_primaries bt709 -color_trc bt709 -color_range tv \
  -bsf:v filter_units=remove_types=6 \
  -map_metadata -1 -fflags +bitexact -flags:v +bitexact \
  -f matroska -cluster_time_limit $((1000 - 1)) -write_crc32 0 "$out"
