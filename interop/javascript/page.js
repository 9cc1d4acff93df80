// What the page does that browser.js serves: it keeps the SDK and a client of
// each kind where the tests find them. esbuild makes one file of it.
import * as kv from "@aws-sdk/client-kinesis-video";
import * as media from "@aws-sdk/client-kinesis-video-media";
import { Fragments } from "./fragments.js";

// connect says which server to speak to, and with which key.
export function connect(settings) {
  const control = new kv.KinesisVideoClient(settings);
  const reader = new media.KinesisVideoMediaClient(settings);
  return {
    // call runs an operation and tells what a page can see of its answer.
    async call(name, input) {
      try {
        return { output: await control.send(new kv[name + "Command"](input)) };
      } catch (error) {
        return { error: {
          name: error.name, message: error.message, metadata: error.$metadata,
          typed: kv[error.name] !== undefined && error instanceof kv[error.name],
        } };
      }
    },

    // read reads media to the end and tells which fragments came, and when.
    async read(input) {
      try {
        const { Payload, ContentType } = await reader.send(new media.GetMediaCommand(input));
        const fragments = new Fragments();
        for (const chunks = Payload.getReader(); ;) {
          const { done, value } = await chunks.read();
          if (done) return { ContentType, ...fragments };
          fragments.add(value);
        }
      } catch (error) {
        return { error: { name: error.name, message: error.message, typed: media[error.name] !== undefined && error instanceof media[error.name] } };
      }
    },
  };
}

// headers tells which headers of an answer a script of this page may see.
export async function headers(url, init) {
  const response = await fetch(url, init);
  return { status: response.status, headers: Object.fromEntries(response.headers), body: await response.text() };
}
