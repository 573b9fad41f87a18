// warrenctl, and rabbitmqctl by the name it is called with.
#include <cstdio>
#include <iostream>
#include <string>

#include <termios.h>
#include <unistd.h>

#include "control_message.hpp"
#include "run.hpp"

namespace {

void write_text(std::FILE* to, const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), to);
  std::fflush(to);
}

/// A typed password is not shown; a piped one is simply the first line.
std::string read_secret() {
  termios before{};
  const bool typed = isatty(STDIN_FILENO) == 1 && tcgetattr(STDIN_FILENO, &before) == 0;
  if (typed) {
    termios quiet = before;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    tcsetattr(STDIN_FILENO, TCSANOW, &quiet);
  }
  std::string line;
  std::getline(std::cin, line);
  if (typed)
    tcsetattr(STDIN_FILENO, TCSANOW, &before);
  return line;
}

/// Definitions may be large; what is larger than a request may be is refused by its sender.
std::string read_input() {
  std::string text;
  char block[64 * 1024];
  while (text.size() <= broker::control::attachment_max_bytes
         && (std::cin.read(block, sizeof block), std::cin.gcount() > 0))
    text.append(block, static_cast<size_t>(std::cin.gcount()));
  return text;
}

} // namespace

int main(int count, char** values) {
  const broker::ctl::terminal console{[](const std::string& text) { write_text(stdout, text); },
                                      [](const std::string& text) { write_text(stderr, text); }, read_secret,
                                      read_input};
  return broker::ctl::run(values[0], std::span<const char* const>{values + 1, values + count}, console);
}
