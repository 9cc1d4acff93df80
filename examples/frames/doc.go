// Command frames prints when each frame of the stream "demo" was made, live. It
// is the program of the README, and short on purpose: where the server is and
// which keys to use it takes from the environment, as the AWS tools do. It
// refuses nothing and keeps no position; a program that does is in the guide.
package main
