import RobotPolicy
import Testing

@Suite("JSON with lines")
struct JSONParserTests {
  func parse(_ text: String) throws(PolicyError) -> JSONNode { try JSONParser.parse(Array(text.utf8), name: "text") }

  @Test func valuesRememberTheirLines() throws {
    let node = try parse("{\n \"a\": [1,\n  true],\r\n \"b\":\n {\"c\": null}}")
    #expect(node.line == 1)
    #expect(node["a"]?.line == 2)
    #expect(node["a"]?[1]?.line == 3)
    #expect(node["b"]?.line == 5)
    #expect(node.line(at: "b.c") == 5)
    #expect(node.line(at: "a[1]") == 3)
    #expect(node.line(at: "a[9].x") == 2)
  }

  @Test func escapesAreText() throws {
    #expect(try parse(#""\u00e9\n\"\\\/\ud83d\ude00""#).summary == "\"é\n\"\\/😀\"")
  }

  @Test(arguments: [
    "", "{", "[1,]", "{\"a\" 1}", "{\"a\":1,}", "01", "1.", ".5", "+1", "1e", "-", "nul", "\"a", "\"\\x\"",
    "\"\\ud800\"",
    "\"\\u+123\"", "\"\t\"", "1 2", "NaN", "Infinity", "1e999", "'a'", "{a:1}", "// x\n1",
  ])
  func otherTextIsRefused(text: String) {
    let error = #expect(throws: PolicyError.self) { try parse(text) }
    #expect(error?.code == .invalidSyntax)
    #expect(error?.subject.hasPrefix("text (line ") == true)
  }

  @Test func bytesThatAreNotUTF8AreRefused() {
    #expect(throws: PolicyError.self) { try JSONParser.parse([0x22, 0xC3, 0x28, 0x22], name: "text") }
  }

  @Test func nestingHasABound() {
    #expect(throws: PolicyError.self) { try parse(String(repeating: "[", count: 100_000)) }
  }
}
