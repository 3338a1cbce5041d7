import Foundation
import Testing

/// Values that cannot be right, and options that would change nothing: both are wrong usage, told before any work.
@Suite struct UsageTests {
  private static let model = ["--model", "Tests/UnifiedIOTests/Fixtures/tiny-a"]
  private static let policy = "Policies/metaworld-mt5"
  private static let generate = ["generate", "--prompt", "x"] + model
  private static let ask = ["ask", "--prompt", "x"]
  private static let evaluate = ["evaluate", "toy", "--policy", "expert"]
  private static let rollout = ["rollout", "--env", "toy:reach-red", "--daemon", "ipc:///x"]
  private static let image = ["--image", "Tests/UnifiedIOTests/Fixtures/tiny-a/media/img_100x300.png"]
  private static let film = ["--output", "image", "-o", "FOLDER/never.png"]

  /// What the error says, for each command line; `FOLDER` is an empty folder.
  private static let cases: [([String], String)] = [
    // Numbers.
    (generate + ["--temperature", "nan"], "--temperature"), (generate + ["--temperature=-1"], "--temperature"),
    (generate + ["--top-p", "0", "--temperature", "1"], "--top-p"), (generate + ["--top-k", "0"], "--top-k"),
    (generate + ["--beams", "0"], "--beams"), (generate + ["--beams", "65"], "--beams"),
    (generate + ["--max-tokens", "0"], "--max-tokens"),
    (generate + ["--beams", "2", "--temperature", "1"], "--beams draws nothing"),
    (generate + film + ["--guidance=-1"], "--guidance"), (generate + film + ["--guidance", "inf"], "--guidance"),
    (ask + ["--temperature", "nan"], "--temperature"), (ask + ["--beams", "17"], "--beams must be 1 to 16"),
    (ask + ["--max-tokens", "999999999"], "--max-tokens must be 1 to 65536"),
    (["task", "caption", "--wording", "99"] + image + model, "caption has the wordings 0 to"),
    (["task", "localization", "--text", "x", "--threshold", "nan"] + image + model, "--threshold"),
    (["task", "localization", "--text", "x", "--overlap", "2"] + image + model, "--overlap"),
    (["task", "action", "--text", "x", "--state", "0.5,7"] + model, "--state"),
    (["score", "--prompt", "x", "--option", ""] + model, "--option number 1 is empty"),
    (rollout + ["--watchdog", "0"], "--watchdog"), (evaluate + ["--watchdog", "nan"], "--watchdog"),
    (evaluate + ["--episodes", "0"], "--episodes"), (evaluate + ["--workers", "0"], "--workers"),
    (evaluate + ["--seed=-1"], "--seed"), (evaluate + ["--shard", "3/2"], "--shard"),
    (evaluate + ["--mode", "realtime", "--added-delay", "0,50,50"], "--added-delay"),
    (evaluate + ["--mode", "realtime", "--added-delay", "0,x"], "--added-delay"),
    (evaluate + ["--mode", "realtime", "--loop", "closed"], "--loop goes with --mode lockstep"),
    (rollout + ["--loop", "round"], "--loop"),
    (evaluate + ["--max-memory", "0"], "--max-memory"), (["bench", "--steps", "0"], "--steps"),
    // Nothing where a path is expected, which would be the current folder.
    (evaluate + ["--run", ""], "--run: what follows it is empty"), (evaluate + ["--run="], "Missing value for '--run"),
    (["serve", "--policy", ""], "--policy"), (["serve", "--operator", ""], "--operator"),
    (["generate", "--prompt", "x", "--model", ""], "--model"), (generate + ["--image", ""], "--image"),
    (rollout + ["--video", ""], "--video"), (rollout + ["--json", ""], "--json"), (["inspect", ""], "is empty"),
    (["quantize", "Policies/metaworld-mt5", ""], "is empty"),
    (["synthesize", "--size", "large", "--", ""], "is empty"),
    (["runs", "show", ""], "is empty"), (["report", "", "-o", "FOLDER/x.html"], "is empty"),
    // Addresses.
    (ask + ["--daemon", "nonsense"], "--daemon"), (ask + ["--daemon", "tcp://h:99999"], "--daemon"),
    (["serve", "--listen", "nonsense"], "--listen"), (["serve", "--listen", "ws://127.0.0.1:1"], "openpi://HOST:PORT"),
    (["serve", "--listen", "openpi://127.0.0.1:99999"], "--listen"),
    (["serve", "--listen", "openpi://h:1"], "--listen"),
    (["serve", "--listen", "tcp://127.0.0.1:4", "--listen", "openpi://127.0.0.1:4"], "is listened at already"),
    (["serve", "--listen", "vla-eval://0.0.0.0:8001"], "--insecure"),
    (["serve", "--listen", "http://127.0.0.1:9464"], "serve no robot"),
    (["serve", "--listen", "console://127.0.0.1:8080"], "serve no robot"),
    (["serve", "--listen", "console://0.0.0.0:8080"], "--insecure"),
    (["serve", "--listen", "console://127.0.0.1:8080", "--listen", "console://127.0.0.1:8081"], "one console://"),
    (
      ["serve", "--listen", "console://0.0.0.0:8080", "--insecure", "--operator", "FOLDER/token"],
      "--operator needs a loopback"
    ),
    (["serve", "--bind", "nonsense"], "--bind"), (["serve", "--bind", "ipc://"], "--bind"),
    (["rollout", "--env", "toy:a", "--daemon", "nonsense"], "--daemon"),
    (["rollout", "--env", "toy:a", "--daemon", "tcp://127.0.0.1:*"], "--daemon"),
    // Names.
    (["bench", "--size", "huge"], "expected large, xl, xxl, tiny, daemon"),
    (["import", "a", "b", "--modalities", ""], "--modalities"), (["synthesize", "b", "--size", "vast"], "--size"),
    // What does not go together.
    (["generate", "--prompt", "a {box}"] + model, "{box} in the prompt needs a --box"),
    (["ask", "--prompt", "a {box}"], "{box} in the prompt needs a --box"),
    (["score", "--prompt", "a {box}", "--option", "x"] + model, "{box} in the prompt needs a --box"),
    (["task", "instruction", "--text", "a {box}"] + model, "{box} in the prompt needs a --box"),
    (generate + image + ["--box", "1,2,3,4"], "--box has no place in the prompt"),
    (generate + ["--top-p", "0.5"], "go with a --temperature above 0"),
    (ask + ["--top-k", "5"], "go with a --temperature above 0"),
    (generate + ["--seed", "5"], "go with a --temperature above 0"),
    (ask + ["--seed", "5"], "go with a --temperature above 0"),
    (["task", "caption", "--seed", "5"] + image + model, "go with a --temperature above 0"),
    (["task", "categorization", "--option", "x", "--seed", "5"] + image + model, "takes no --seed"),
    (generate + film + ["--seed", "5", "--temperature", "0"], "go with a --temperature above 0"),
    (generate + film + image + ["--negative-prompt", "x"], "--negative-prompt goes with a --guidance above 0"),
    (
      generate + film + ["--negative-prompt", "x", "--guidance", "0"],
      "--negative-prompt goes with a --guidance above 0"
    ),
    (ask + film + image + ["--negative-prompt", "x"], "--negative-prompt goes with a --guidance above 0"),
    (
      ["ask", "--prompt", "x", "--output", "audio", "-o", "FOLDER/never.wav", "--negative-prompt", "x"],
      "--negative-prompt goes with a --guidance above 0"
    ),
    (
      ["task", "depth", "-o", "FOLDER/never.png", "--negative-prompt", "x"] + image + model,
      "--negative-prompt goes with a --guidance above 0"
    ),
    (generate + film + ["--top-k", "5", "--temperature", "0"], "go with a --temperature above 0"),
    (["task", "categorization", "--option", "x", "--temperature", "1"] + image + model, "takes no --temperature"),
    (generate + ["--activations", "f32", "--weights", "bf16"], "--activations goes with int8"),
    (generate + ["--activations", "f32"], "--activations goes with int8"),
    (rollout + ["--weights", "f32"], "leave them out with --daemon"),
    (rollout + ["--threads", "1"], "leave them out with --daemon"),
    (rollout + ["--log-level", "info"], "leave them out with --daemon"),
    (evaluate + ["--threads", "1"], "leave them out with --policy expert"),
    (["evaluate", "toy", "--daemon", "ipc:///x", "--weights", "f32"], "leave them out with --daemon"),
    (evaluate + ["--daemon", "ipc:///x"], "name one of them"), (evaluate + ["--resume"], "--resume needs --run"),
    (evaluate + ["--retry-abandoned"], "--retry-abandoned goes with --resume"),
    (evaluate + ["--added-delay", "50"], "--added-delay goes with --mode realtime"),
    (evaluate + ["--list"], "--list"), (["evaluate"], "Name a suite"),
    (["compare", "--power", "0.9"], "--power"), (["compare", "a"], "Name two runs"),
    (["serve", "--model", "x", "--max-batch", "2"], "--max-batch is about robots"),
    (["bench", "--size", "daemon", "--growth"], "--growth"),
    (["bench", "--size", "daemon", "--threads", "1"], "daemon"),
    (["bench", "--size", "daemon", "--distortion"], "--distortion"),
    (["bench", "--size", policy, "--growth"], "--growth"),
    (["bench", "--size", policy, "--outputs"], "--outputs"), (["bench", "--size", policy, "--decoders"], "--decoders"),
    (["bench", "--size", policy, "--cache", "/tmp"], "--cache"),
    (["bench", "--size", "tiny", "--sessions", "2"], "--sessions"),
    (["bench", "--size", "tiny", "--distortion", "--steps", "3"], "--steps"),
    (["bench", "--size", "tiny", "--distortion", "--weights", "f32"], "--distortion"),
    (["bench", "--size", "tiny", "--distortion", "--outputs"], "--outputs"),
    (
      ["task", "depth", "-o", "FOLDER/never.png", "--draw", "FOLDER/./never.png"] + image + model, "name the same file"
    ),
    (["parity", "/nowhere", "--part", "x"], "--part takes tokenizer"),
    // What only the last of would count.
    (ask + ["--audio", "a", "--audio", "b"], "--audio is given twice"),
    (generate + ["--temperature", "1", "--seed", "1", "--seed=2"], "--seed is given twice"),
    (generate + film + ["-o", "FOLDER/other.png"], "-o is given twice"),
    (["inspect", policy, "--json", "--json"], "--json is given twice"),
  ]

  @Test(arguments: [
    (#""vla-eval://127.0.0.1:1", "chunks": "finished""#, "listen[0].chunks: goes with openpi:// only"),
    (#""openpi://127.0.0.1:1", "chunks": "done""#, "listen[0].chunks: expected overlapping or finished"),
    (#""tcp://127.0.0.1:1", "clock": "simulated""#, "listen[0].clock: goes with openpi:// only"),
    (#""openpi://127.0.0.1:1", "chunk": "finished""#, "listen[0]: chunk is not known"),
  ])
  func `what a file of wires says of a wire has to be about that wire`(entry: String, said: String) throws {
    try BuiltTool.withFolder { folder in
      let file = folder.appending(path: "wires.json")
      try Data(#"{"listen": [{"address": \#(entry)}]}"#.utf8).write(to: file)
      let outcome = try BuiltTool.run(["serve", "--listen-file", file.path])
      #expect(outcome.status == 65, "\(outcome.errors)")
      #expect(outcome.errors.contains(said), "\(outcome.errors)")
    }
  }

  @Test(arguments: [
    (#"{"listen": [], "listen": []}"#, #"the key "listen" stands twice"#),
    (
      #"{"listen": [{"address": "http://127.0.0.1:1", "address": "tcp://127.0.0.1:2"}]}"#,
      #"the key "address" stands twice"#
    ),
    (
      #"{"listen": [{"address": "openpi://127.0.0.1:1", "keys": {"prompt": "a", "prompt": "b"}}]}"#,
      #"the key "prompt" stands twice"#
    ),
    ("{\n\"listen\": [\n", "line 3"),
    ("[]", "expected a JSON object"),
  ])
  func `a file of wires says each thing once`(text: String, said: String) throws {
    try BuiltTool.withFolder { folder in
      let file = folder.appending(path: "wires.json")
      try Data(text.utf8).write(to: file)
      let outcome = try BuiltTool.run(["serve", "--listen-file", file.path])
      #expect(outcome.status == 65, "\(outcome.errors)")
      #expect(outcome.errors.contains(said) && outcome.errors.contains(file.path), "\(outcome.errors)")
    }
  }

  @Test(arguments: [
    ("/dev/zero", "a regular file is expected"), ("FOLDER", "a regular file is expected"),
    ("FOLDER/none", "No such file"), ("FOLDER/pipe", "a regular file is expected"),
  ])
  func `a file of wires that is none is named with the reason`(path: String, said: String) throws {
    try BuiltTool.withFolder { folder in
      #expect(mkfifo(folder.appending(path: "pipe").path, 0o600) == 0)
      let outcome = try BuiltTool.run(["serve", "--listen-file", path.replacing("FOLDER", with: folder.path)])
      #expect(outcome.status == 65, "\(outcome.errors)")
      #expect(outcome.errors.contains(said), "\(outcome.errors)")
    }
  }

  @Test(arguments: [
    (
      #""cameras": [{"name": "corner2", "key": "a"}, {"name": "topview", "key": "a"}], "state": ["s"]"#,
      "found a, which stands for two things"
    ),
    (
      #""cameras": [{"name": "corner2", "key": "a"}, {"name": "topview", "key": "b"}], "state": ["b"]"#,
      "found b, which stands for two things"
    ),
    (
      #""cameras": [{"name": "corner2", "key": "reset"}, {"name": "topview", "key": "b"}], "state": ["s"]"#,
      "found reset, which means something else"
    ),
    (
      #""cameras": [{"name": "corner2", "key": ""}, {"name": "topview", "key": "b"}], "state": ["s"]"#, "a key is empty"
    ),
    (
      #""cameras": [{"name": "corner2", "key": "a"}, {"name": "topview", "key": "b"}], "state": []"#,
      "the policy reads the robot's state"
    ),
    (
      #""cameras": [{"name": "corner", "key": "a"}, {"name": "topview", "key": "b"}], "state": ["s"]"#,
      "expected each of corner2, topview once"
    ),
  ])
  func `each key of a wire has one meaning`(keys: String, said: String) throws {
    try BuiltTool.withFolder { folder in
      let file = folder.appending(path: "wires.json")
      try Data(#"{"listen": [{"address": "openpi://127.0.0.1:*", "keys": {\#(keys), "prompt": "prompt"}}]}"#.utf8)
        .write(to: file)
      let policy = BuiltTool.repository.appending(path: "Policies/metaworld-mt5").path
      let outcome = try BuiltTool.run(["serve", "--policy", policy, "--listen-file", file.path])
      #expect(outcome.status == 65, "\(outcome.errors)")
      #expect(outcome.errors.contains(said), "\(outcome.errors)")
    }
  }

  @Test(arguments: cases.indices) func `it is told, with 64 and one sentence`(index: Int) throws {
    let (words, said) = Self.cases[index]
    try BuiltTool.withFolder { folder in
      let arguments = words.map { $0.replacing("FOLDER", with: folder.path) }
      let begin = ContinuousClock.now
      let outcome = try BuiltTool.run(arguments)
      #expect(outcome.status == 64, "\(arguments): \(outcome.errors)")
      #expect(outcome.errors.hasPrefix("Error: ") && outcome.errors.contains(said), "\(arguments): \(outcome.errors)")
      #expect(outcome.output.isEmpty)
      #expect(ContinuousClock.now - begin < .seconds(20))
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
    }
  }

  @Test(arguments: [
    ("nonsense", Int32(64), "expected one of portable, avx2, avx512, avx512vnni, found nonsense"), ("AVX2", 64, "AVX2"),
  ])
  func `a level of kernels that does not exist is told`(level: String, status: Int32, said: String) throws {
    let outcome = try BuiltTool.run(["inspect", Self.policy], environment: ["UIO2_KERNELS": level])
    #expect(outcome.status == status && outcome.output.isEmpty)
    #expect(outcome.errors.hasPrefix("uio2: UIO2_KERNELS: ") && outcome.errors.contains(said))
    for level in ["portable", ""] {
      #expect(try BuiltTool.run(["inspect", Self.policy], environment: ["UIO2_KERNELS": level]).status == 0)
    }
  }

  @Test func `options that may be repeated are`() throws {
    let images = Self.image + Self.image
    let outcome = try BuiltTool.run(Self.generate + images + ["--max-tokens", "1"])
    #expect(outcome.status == 0, "\(outcome.errors)")
  }

  @Test func `no error speaks of Cocoa`() throws {
    try BuiltTool.withFolder { folder in
      for command in [
        ["inspect", "/nowhere"], ["inspect", "/dev"], ["generate", "--prompt", "x", "--model", "/nowhere"],
        ["parity", "/nowhere"], ["quantize", "/nowhere", folder.path + "/q"],
        ["import", "/nowhere", folder.path + "/i"],
        ["quantize", "Tests/UnifiedIOTests/Fixtures/tiny-a", "/dev/null/x"],
        ["synthesize", "/proc/none/x", "--size", "tiny"], ["bench", "--size", "tiny", "--cache", "/dev/null/x"],
      ] {
        let outcome = try BuiltTool.run(command)
        #expect([65, 74].contains(outcome.status), "\(command): \(outcome.status) \(outcome.errors)")
        #expect(!outcome.errors.contains("Cocoa") && !outcome.errors.contains("error 2"), "\(outcome.errors)")
        #expect(outcome.errors.count(where: \.isNewline) == 1)
      }
    }
  }

  @Test func `what is named to be written is looked at before anything is read`() throws {
    try BuiltTool.withFolder { folder in
      let taken = folder.appending(path: "taken"), file = folder.appending(path: "file").path
      try FileManager.default.createDirectory(at: taken, withIntermediateDirectories: true)
      try Data("mine".utf8).write(to: taken.appending(path: "README.md"))
      try Data().write(to: URL(filePath: file))
      // There is no such source: its absence would be told if it were looked for.
      for command in [["quantize", "/no/source", file], ["import", "/no/source", file + "/below"]] {
        let outcome = try BuiltTool.run(command)
        #expect(outcome.status == 74 && !outcome.errors.contains("/no/source"), "\(outcome.errors)")
      }
      // A policy's other files replace nothing.
      let outcome = try BuiltTool.run(["quantize", Self.policy, taken.path])
      #expect(outcome.status == 74 && outcome.errors.contains("README.md: exists already"), "\(outcome.errors)")
      #expect(try FileManager.default.contentsOfDirectory(atPath: taken.path) == ["README.md"])
    }
  }

  @Test func `a pipe in the place of a tokenizer or of a run is refused at once, and nothing is written`() throws {
    try BuiltTool.withFolder { folder in
      let copy = folder.appending(path: "copy"), pipe = copy.appending(path: "tokenizer.model")
      try FileManager.default.createDirectory(at: copy, withIntermediateDirectories: true)
      for name in ["config.json", "model.safetensors"] {
        try FileManager.default.copyItem(
          atPath: "\(BuiltTool.repository.path)/\(Self.model[1])/\(name)", toPath: copy.appending(path: name).path)
      }
      #expect(mkfifo(pipe.path, 0o600) == 0)
      let target = folder.appending(path: "target").path
      for command in [
        ["quantize", copy.path, target], ["import", copy.path, target], ["runs", "show", pipe.path],
        ["runs", "export", pipe.path], ["compare", pipe.path, pipe.path], ["report", pipe.path],
        ["runs", "merge", pipe.path, "-o", target + "-run"],
      ] {
        let outcome = try BuiltTool.run(command)
        #expect(outcome.status == 65, "\(command): \(outcome.status) \(outcome.errors)")
        #expect(outcome.errors.contains("is a pipe; a regular file is expected"), "\(command): \(outcome.errors)")
      }
      #expect(!FileManager.default.fileExists(atPath: target))
    }
  }

  @Test func `a pipe in the place of a configuration is refused at once`() throws {
    try BuiltTool.withFolder { folder in
      for name in ["policy.json", "config.json"] {
        let place = folder.appending(path: name)
        #expect(mkfifo(place.path, 0o600) == 0)
        let outcome = try BuiltTool.run(["inspect", folder.path])
        #expect(outcome.status == 65)
        #expect(outcome.errors.contains("is a pipe; a regular file is expected"), "\(outcome.errors)")
        try FileManager.default.removeItem(at: place)
      }
    }
  }
}
