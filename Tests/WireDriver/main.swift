// Servers and mutations for checks that need a process of their own: scripts/wires says who calls it.
import Foundation

let arguments = Array(CommandLine.arguments.dropFirst())
do {
  switch (arguments.first, arguments.count) {
  case ("echo", 1): try EchoServer().run()
  case ("openpi", 1): try OpenPIServer().run()
  case ("vla-eval", 1): try VLAEvalServer().run()
  case ("metrics", 1): print(sampleMetrics(), terminator: "")
  case ("mutate", 4):
    guard let count = Int(arguments[2]), let seed = UInt64(arguments[3]) else { usage() }
    try mutate(arguments[1], count: count, seed: seed)
  default: usage()
  }
} catch {
  FileHandle.standardError.write(Data("wire-driver: \(error)\n".utf8))
  exit(1)
}

func usage() -> Never {
  FileHandle.standardError.write(
    Data("usage: wire-driver echo | openpi | vla-eval | metrics | mutate KIND COUNT SEED\n".utf8))
  exit(64)
}
