#include <gmock/gmock.h>
#include <zlib.h>

#include <rgrid/sim/trace.hpp>
#include <rgrid/testing/temp_folder.hpp>

namespace rgrid::sim {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string const header = "submit_time_s,run_time_s,slots,class\n";

std::string problem(std::string const& text) {
    auto const read = parse_trace(text, "jobs.csv");
    return read ? "accepted " + std::to_string(read->size()) + " jobs" : read.error().message;
}

TEST(TraceTest, a_line_is_a_job) {
    auto const jobs = parse_trace(header + "0,12.5,1,build\n0,0,2,\n3.0014,1e2,1024,0\n", "jobs.csv");

    ASSERT_TRUE(jobs.has_value()) << jobs.error().message;
    EXPECT_THAT(*jobs, ::testing::ElementsAre(Arrival{0ms, 12'500ms, 1, "build"}, Arrival{0ms, 0ms, 2, ""},
                                              Arrival{3'001ms, 100s, 1024, "0"}));
}

TEST(TraceTest, columns_come_in_any_order_and_others_are_passed_over) {
    auto const jobs = parse_trace("user,class,slots,run_time_s,submit_time_s\nanna,test,2,60,5\n", "jobs.csv");

    ASSERT_TRUE(jobs.has_value()) << jobs.error().message;
    EXPECT_THAT(*jobs, ::testing::ElementsAre(Arrival{5s, 60s, 2, "test"}));
}

TEST(TraceTest, files_of_other_systems_are_read) {
    auto const jobs = parse_trace("\xEF\xBB\xBFsubmit_time_s,run_time_s,slots,class\r\n0,1,1,a\r\n1,1,1,b", "jobs.csv");

    ASSERT_TRUE(jobs.has_value()) << jobs.error().message;
    ASSERT_EQ(jobs->size(), 2U);
    EXPECT_EQ(jobs->front().job_class, "a");
    EXPECT_EQ(jobs->back().job_class, "b") << "the last line need not end in a newline";
}

TEST(TraceTest, a_class_in_quotation_marks_may_hold_commas_and_such_marks) {
    auto const jobs = parse_trace(header + "0,1,1,\"build, \"\"fast\"\"\"\n", "jobs.csv");

    ASSERT_TRUE(jobs.has_value()) << jobs.error().message;
    EXPECT_EQ(jobs->front().job_class, "build, \"fast\"");
}

TEST(TraceTest, an_empty_text_has_no_header) {
    EXPECT_EQ(problem(""),
              "jobs.csv is empty; expected a first line with the columns "
              "submit_time_s,run_time_s,slots,class");
}

TEST(TraceTest, a_text_without_jobs_is_a_mistake) {
    EXPECT_EQ(problem(header), "jobs.csv names columns and has no job; expected a line for each job");
}

TEST(TraceTest, a_missing_header_is_told_with_what_stands_there) {
    EXPECT_EQ(problem("0,1,1,a\n"),
              "jobs.csv: line 1 names no column submit_time_s: \"0,1,1,a\"; expected a first line with the columns "
              "submit_time_s,run_time_s,slots,class");
}

TEST(TraceTest, each_missing_column_is_named) {
    for (std::string const column : {"submit_time_s", "run_time_s", "slots", "class"}) {
        auto text = header;
        text.replace(text.find(column), column.size(), "other");
        EXPECT_THAT(problem(text + "0,1,1,a\n"), StartsWith("jobs.csv: line 1 names no column " + column + ": "));
    }
}

TEST(TraceTest, a_column_given_twice_is_a_mistake) {
    EXPECT_EQ(problem("submit_time_s,run_time_s,slots,class,slots\n"),
              "jobs.csv: line 1 names the column slots twice; expected it once");
}

TEST(TraceTest, what_is_no_time_is_shown) {
    for (std::string const value : {"soon", "", "1s", " 1", "-1", "-0.001", "nan", "inf", "1e400", "315360001"}) {
        EXPECT_EQ(problem(header + "0,1,1,a\n" + value + ",1,1,a\n"),
                  "jobs.csv: line 3 has the submit_time_s \"" + value +
                      "\"; expected seconds from 0 to 315360000 (ten years)");
        EXPECT_EQ(
            problem(header + "0," + value + ",1,a\n"),
            "jobs.csv: line 2 has the run_time_s \"" + value + "\"; expected seconds from 0 to 315360000 (ten years)");
    }
}

TEST(TraceTest, what_is_no_number_of_slots_is_shown) {
    for (std::string const value : {"many", "", "0", "-1", "1.5", "1025", "99999999999999999999"})
        EXPECT_EQ(problem(header + "0,1," + value + ",a\n"),
                  "jobs.csv: line 2 has the slots \"" + value + "\"; expected a whole number from 1 to 1024");
}

TEST(TraceTest, jobs_out_of_order_are_told_with_both_times) {
    EXPECT_EQ(problem(header + "0,1,1,a\n90,1,1,a\n89.5,1,1,a\n"),
              "jobs.csv: line 4 has the submit_time_s \"89.5\" after one of 90s; expected the jobs in the order of "
              "their submission");
}

TEST(TraceTest, a_line_of_another_width_is_told) {
    EXPECT_EQ(problem(header + "0,1,1\n"), "jobs.csv: line 2 has 3 fields; expected 4 fields, as many as line 1");
    EXPECT_EQ(problem(header + "0,1,1,a,b\n"), "jobs.csv: line 2 has 5 fields; expected 4 fields, as many as line 1");
    EXPECT_EQ(problem(header + "\n0,1,1,a\n"), "jobs.csv: line 2 is empty; expected 4 fields, as many as line 1");
}

TEST(TraceTest, a_quotation_mark_out_of_place_is_told) {
    EXPECT_EQ(problem(header + "0,1,1,\"a\n"),
              "jobs.csv: line 2 has a quotation mark out of place: \"0,1,1,\\\"a\"; "
              "expected them around a whole field, and doubled inside");
    EXPECT_THAT(problem(header + "0,1,1,\"a\"b\n"), HasSubstr("line 2 has a quotation mark out of place"));
}

TEST(TraceTest, a_class_that_is_no_text_is_told_without_its_bytes) {
    EXPECT_EQ(problem(header + "0,1,1,a\xFF\n"), "jobs.csv: line 2 has the class \"a\\xff\"; expected UTF-8 text");
    EXPECT_EQ(problem(header + "0,1,1," + std::string(201, 'a') + "\n"),
              "jobs.csv: line 2 has a class of 201 bytes; expected at most 200");
}

TEST(TraceTest, a_problem_is_text_even_where_the_trace_is_not) {
    auto const binary = std::string{"\x1f\x8b\x08\0\xff", 5} + std::string(100, '\xff');
    EXPECT_THAT(problem(binary),
                StartsWith("jobs.csv: line 1 names no column submit_time_s: \"\\x1f\\x8b\\x08\\x00\\xff"));
    EXPECT_THAT(problem(header + "\xff,1,1,a\n"), HasSubstr("has the submit_time_s \"\\xff\"; expected seconds"));
    EXPECT_THAT(problem(header + "0,1,\xff,a\n"), HasSubstr("has the slots \"\\xff\"; expected a whole number"));
    EXPECT_THAT(problem(header + "0,1,1,\"\xff\n"), HasSubstr("out of place: \"0,1,1,\"\\xff\""));
}

// A file without line ends must not be read into memory as one.
TEST(TraceTest, an_endless_line_is_told) {
    EXPECT_EQ(problem(header + std::string(longest_trace_line + 1, '1')),
              "jobs.csv: line 2 has more than 65536 bytes; expected a shorter line");
}

struct TraceFileTest : ::testing::Test {
    std::string compress(std::string const& name, std::string const& text) const {
        auto* const file = gzopen((folder / name).c_str(), "wb");
        gzwrite(file, text.data(), static_cast<unsigned>(text.size()));
        gzclose(file);
        return folder / name;
    }

    static std::string problem(std::string const& path) {
        auto const read = read_trace(path);
        return read ? "accepted " + std::to_string(read->size()) + " jobs" : read.error().message;
    }

    rgrid::testing::TempFolder folder;
};

TEST_F(TraceFileTest, a_file_is_read_compressed_or_not) {
    // Longer than what is read at a time.
    auto text = header;
    for (int i = 0; i < 20'000; ++i) text += std::to_string(i) + ",1,1,class" + std::to_string(i * 7919 % 1000) + "\n";

    auto const plain = read_trace(folder.write("jobs.csv", text));
    auto const compressed = read_trace(compress("jobs.csv.gz", text));

    ASSERT_TRUE(plain.has_value()) << plain.error().message;
    ASSERT_TRUE(compressed.has_value()) << compressed.error().message;
    EXPECT_EQ(plain->size(), 20'000U);
    EXPECT_EQ(*plain, *compressed);
    EXPECT_EQ(*plain, *parse_trace(text, "text"));
}

TEST_F(TraceFileTest, a_problem_names_the_file_and_the_line) {
    auto const path = compress("jobs.csv.gz", header + "0,1,1,a\n1,long,1,a\n");

    EXPECT_EQ(problem(path),
              path + ": line 3 has the run_time_s \"long\"; expected seconds from 0 to 315360000 (ten years)");
}

TEST_F(TraceFileTest, a_file_that_is_not_there_or_no_file_is_told) {
    auto const path = folder / "none.csv";
    EXPECT_EQ(problem(path), "the trace \"" + path + "\" cannot be read: No such file or directory");
    EXPECT_EQ(problem(folder.path()), "the trace \"" + folder.path() + "\" cannot be read: Is a directory");
}

TEST_F(TraceFileTest, a_compressed_file_that_was_cut_off_is_told_wherever_it_was_cut) {
    std::string text = header;
    for (int i = 0; i < 500; ++i) text += std::to_string(i) + "," + std::to_string(i * 7919 % 1000) + ",1,a\n";
    compress("jobs.csv.gz", text);
    auto const whole = folder.read("jobs.csv.gz");
    for (std::size_t size = 1; size < whole.size(); size += 37) {
        auto const path = folder.write("cut.csv.gz", whole.substr(0, size));
        EXPECT_THAT(problem(path), ::testing::MatchesRegex("the trace .* cannot be read: its .*gzip.*")) << size;
    }
}

TEST_F(TraceFileTest, damaged_compressed_data_is_told) {
    std::string text = header;
    for (int i = 0; i < 500; ++i) text += std::to_string(i) + "," + std::to_string(i * 7919 % 1000) + ",1,a\n";
    compress("jobs.csv.gz", text);
    auto bytes = folder.read("jobs.csv.gz");
    bytes[bytes.size() - 6] = static_cast<char>(bytes[bytes.size() - 6] ^ 1);  // In the checksum.

    EXPECT_THAT(problem(folder.write("damaged.csv.gz", bytes)), HasSubstr("its compressed data is damaged ("));
}

TEST_F(TraceFileTest, a_name_that_says_gz_is_kept) {
    auto const path = folder.write("jobs.csv.gz", header + "0,1,1,a\n");
    EXPECT_EQ(problem(path),
              "the trace \"" + path + "\" cannot be read: its name ends in .gz, but it is not compressed by gzip");
    EXPECT_THAT(problem(folder.write("empty.csv.gz", "")), HasSubstr("is empty; expected a first line"));
    EXPECT_EQ(problem(compress("jobs.csv", header + "0,1,1,a\n")), "accepted 1 jobs");
}

}  // namespace
}  // namespace rgrid::sim
