// The version of the program, in this one place: the Makefile and the package read it from here.

package let vitalsVersion = "0.1.0"
