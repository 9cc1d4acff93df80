// Reads media playlists with two parsers, each independent of the other, and
// prints what they saw in the same form. Standard input is a JSON array of
// playlists, standard output {"hls-parser": [...], "m3u8-parser": [...]}.
"use strict";

const fs = require("fs");
const hls = require("hls-parser");
const { Parser } = require("m3u8-parser");

hls.setOptions({ strictMode: true });

const ms = (seconds) => Math.round(seconds * 1000);
const stamp = (date) => (date ? date.getTime() : 0);

function withHLSParser(text) {
  const p = hls.parse(text);
  return {
    target: p.targetDuration,
    first: p.mediaSequenceBase || 0,
    discontinuity: p.discontinuitySequenceBase || 0,
    ended: p.endlist,
    vod: p.playlistType === "VOD",
    entries: p.segments.map((s) => ({
      uri: s.uri,
      map: s.map ? s.map.uri : "",
      duration: ms(s.duration),
      discontinuity: Boolean(s.discontinuity),
      gap: Boolean(s.gap),
      time: stamp(s.programDateTime),
    })),
  };
}

// m3u8-parser gives segments times that are not in the list; dateTimeString is what
// was read. It does not know gaps.
function withM3U8Parser(text) {
  const parser = new Parser();
  const warnings = [];
  parser.on("warn", (e) => warnings.push(e.message));
  parser.push(text);
  parser.end();
  const m = parser.manifest;
  if (warnings.length > 0) throw new Error(`m3u8-parser: ${warnings.join("; ")}\n${text}`);
  return {
    target: m.targetDuration,
    first: m.mediaSequence || 0,
    discontinuity: m.discontinuitySequence || 0,
    ended: Boolean(m.endList),
    vod: m.playlistType === "VOD",
    entries: m.segments.map((s) => ({
      uri: s.uri,
      map: s.map ? s.map.uri : "",
      duration: ms(s.duration),
      discontinuity: Boolean(s.discontinuity),
      gap: null,
      time: s.dateTimeString ? stamp(s.dateTimeObject) : 0,
    })),
  };
}

const playlists = JSON.parse(fs.readFileSync(0, "utf8"));
process.stdout.write(
  JSON.stringify({ "hls-parser": playlists.map(withHLSParser), "m3u8-parser": playlists.map(withM3U8Parser) }),
);
