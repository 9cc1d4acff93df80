// What the suites need to know of a response of GetMedia.
"use strict";

const name = "AWS_KINESISVIDEO_FRAGMENT_NUMBER";

// A Fragments takes the chunks of a response as they come and notes each
// fragment's number, and when it came in milliseconds of an arbitrary clock.
class Fragments {
  constructor() {
    this.numbers = [];
    this.times = [];
    this.bytes = 0;
    this.rest = "";
  }

  // add takes a chunk. The number follows its name: an id of two bytes, a
  // size of four, 47 digits.
  add(chunk) {
    this.bytes += chunk.length;
    let text = this.rest + new TextDecoder("latin1").decode(chunk);
    for (;;) {
      const at = text.indexOf(name);
      if (at < 0) {
        this.rest = text.slice(-name.length);
        return;
      }
      const begin = at + name.length + 6;
      if (text.length < begin + 47) {
        this.rest = text.slice(at);
        return;
      }
      this.numbers.push(text.slice(begin, begin + 47));
      this.times.push(performance.now());
      text = text.slice(begin + 47);
    }
  }
}

module.exports = { Fragments };
