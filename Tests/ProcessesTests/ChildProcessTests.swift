import Foundation
import Processes
import TestSupport
import Testing

/// Programs beside this one: what they say, how they end, and that they end.
@Suite struct ChildProcessTests {
  private func shell(_ script: String, lifeline: ChildProcess.Lifeline = .none) throws -> ChildProcess {
    try ChildProcess(.init(executable: "/bin/sh", arguments: ["-c", script], lifeline: lifeline))
  }

  /// All events until the end.
  private func events(of child: ChildProcess) -> (output: String, diagnostics: String, exit: ChildProcess.Exit?) {
    var output: [UInt8] = [], diagnostics: [UInt8] = []
    let limit = ContinuousClock.now + .seconds(60)
    while ContinuousClock.now < limit {
      switch child.next(within: .seconds(1)) {
      case .output(let bytes)?: output += bytes
      case .diagnostics(let bytes)?: diagnostics += bytes
      case .ended(let exit)?:
        return (String(decoding: output, as: UTF8.self), String(decoding: diagnostics, as: UTF8.self), exit)
      case nil: continue
      }
    }
    return (String(decoding: output, as: UTF8.self), String(decoding: diagnostics, as: UTF8.self), nil)
  }

  @Test func `both pipes and the exit status arrive`() throws {
    let child = try shell("echo out; echo err >&2; exit 3")
    let (output, diagnostics, exit) = events(of: child)
    #expect(output == "out\n" && diagnostics == "err\n" && exit == .code(3))
    #expect(child.next(within: .zero) == .ended(.code(3)), "the end can be asked for again")
  }

  @Test func `a signal is told from an exit status`() throws {
    #expect(try events(of: shell("kill -SEGV $$")).exit == .signal(SIGSEGV))
    #expect(ChildProcess.Exit.signal(SIGSEGV).description == "signal 11 (SIGSEGV)")
    #expect(ChildProcess.Exit.code(9).description == "exit status 9")
  }

  @Test func `a program that is not there is an error with the system's reason`() {
    for (path, reason) in [("/no/such/program", "No such file or directory"), ("/etc/passwd", "Permission denied")] {
      for lifeline in [ChildProcess.Lifeline.none, .kernel] {
        let error = #expect(throws: ChildProcessError.self) {
          try ChildProcess(.init(executable: path, arguments: [], lifeline: lifeline))
        }
        #expect(error == ChildProcessError(.cannotStart, path, reason))
      }
    }
  }

  @Test func `variables are added and removed`() throws {
    let child = try ChildProcess(
      .init(
        executable: "/bin/sh", arguments: ["-c", #"echo "$UIO2_TEST" "${HOME-none}""#],
        environment: ["UIO2_TEST": "here", "HOME": nil]))
    #expect(events(of: child).output == "here none\n")
  }

  @Test func `much output arrives whole while nobody hurries`() throws {
    // Far more than what may wait, so the program has to wait for its reader.
    let child = try shell("head -c 5000000 /dev/zero | tr '\\0' x; echo end >&2")
    // The first bytes are there long before the program is done; then it waits.
    guard case .output(let first)? = child.next(within: .seconds(20)) else {
      Issue.record("nothing came")
      return
    }
    let (output, diagnostics, exit) = events(of: child)
    #expect(first.count + output.utf8.count == 5_000_000)
    #expect(diagnostics == "end\n" && exit == .code(0))
  }

  @Test func `ending a program ends what it has started`() throws {
    try withTemporaryFolder { folder in
      let file = folder.appending(path: "number").path
      let child = try shell("sleep 1000 & echo $! > '\(file).new'; mv '\(file).new' '\(file)'; wait")
      let number = try #require(awaitNumber(in: file))
      #expect(child.end() == .signal(SIGKILL))
      #expect(awaitEnd(of: number))
    }
  }

  @Test func `what a program leaves behind is killed when it has ended`() throws {
    try withTemporaryFolder { folder in
      let file = folder.appending(path: "number").path
      let child = try shell("(trap '' TERM HUP; exec sleep 1000) & echo $! > '\(file)'; exit 0")
      #expect(events(of: child).exit == .code(0))
      #expect(awaitEnd(of: try #require(awaitNumber(in: file))))
    }
  }

  @Test func `a stopped program ends too`() throws {
    let child = try shell("trap 'echo gone; exit 7' TERM; echo here; while :; do sleep 0.02; done")
    #expect(child.next(within: .seconds(20)) == .output(Array("here\n".utf8)))
    child.send(SIGSTOP)
    #expect(child.end(grace: .seconds(20)) == .code(7), "it is continued, so that it can end by itself")
    let deaf = try shell("trap '' TERM; echo here; while :; do sleep 0.02; done")
    #expect(deaf.next(within: .seconds(20)) == .output(Array("here\n".utf8)))
    #expect(deaf.end(grace: .milliseconds(50)) == .signal(SIGKILL))
  }

  @Test func `letting go of a program ends it`() throws {
    var child: ChildProcess? = try shell("sleep 1000")
    let number = try #require(child?.identifier)
    child = nil
    #expect(awaitEnd(of: number))
  }

  @Test func `the lifeline is open while the owner is there, and without one the input is empty`() throws {
    let waiting = try shell("read line; echo ended", lifeline: .standardInput)
    #expect(waiting.next(within: .milliseconds(300)) == nil, "its standard input stays open")
    waiting.end()
    #expect(try events(of: shell("read line; echo ended")).output == "ended\n")
  }

  @Test func `no descriptor but the standard ones is passed on`() throws {
    let secret = open("/etc/passwd", O_RDONLY)
    defer { close(secret) }
    let (output, _, _) = try events(of: shell("ls /proc/self/fd | wc -l"))
    // Three, and the one that `ls` reads the folder with.
    #expect(output.trimmingCharacters(in: .whitespacesAndNewlines) == "4")
  }

  @Test func `more callers may wait than the common pool has threads`() async throws {
    await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<8 {
        group.addTask { (try? events(of: shell("sleep 0.1; echo done")).output) == "done\n" }
      }
      for await isRight in group { #expect(isRight) }
    }
  }

  private func awaitNumber(in file: String) -> pid_t? {
    let limit = ContinuousClock.now + .seconds(20)
    while ContinuousClock.now < limit {
      if let text = try? String(contentsOfFile: file, encoding: .utf8), let number = pid_t(text.dropLast()) {
        return number
      }
      usleep(5000)
    }
    return nil
  }
}

/// Waits until there is no such process any more, or only its remains.
func awaitEnd(of number: pid_t) -> Bool {
  let limit = ContinuousClock.now + .seconds(20)
  while ContinuousClock.now < limit {
    let status = (try? String(contentsOfFile: "/proc/\(number)/stat", encoding: .utf8)) ?? ""
    // The state follows the name, which is in brackets.
    let state = status.split(separator: ")").last?.dropFirst().first
    if kill(number, 0) != 0 || state == "Z" || state == "X" { return true }
    usleep(5000)
  }
  return false
}
