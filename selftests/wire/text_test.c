// SPDX-License-Identifier: BSD-2-Clause
/* mqp_text_run() takes several bytes at a time: what mqp_text_step() would say of each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <mqgate/mqtt_text.h>

#define LENGTH_MAX	52U	/* three times what is taken at once, and a rest */
#define LEVELS_MAX	5U

/* Bytes that a run takes, one by one. */
static __u32 slowly(struct mqp_text *text, const __u8 *data, __u32 len, __u32 levels)
{
	for (__u32 i = 0; i < len; i++) {
		struct mqp_text next = *text;

		if (data[i] >= 0x80 || mqp_text_step(&next, data[i], levels))
			return i;
		*text = next;
	}
	return len;
}

static void compare(const __u8 *data, __u32 len, __u32 levels)
{
	for (__u32 kind = MQP_T_PLAIN; kind <= MQP_T_TOPIC; kind++) {
		struct mqp_text one, many;
		__u32 taken;

		mqp_text_init(&one, kind, 0);
		mqp_text_init(&many, kind, 0);
		taken = mqp_text_run(&many, data, len, levels);
		assert_int_equal(taken, slowly(&one, data, len, levels));
		assert_memory_equal(&many, &one, sizeof(one));
	}
}

static void every_byte_at_every_place(void **state)
{
	__u8 data[LENGTH_MAX];

	(void)state;
	memset(data, 'a', sizeof(data));
	for (__u32 len = 0; len <= LENGTH_MAX; len++)
		for (__u32 at = 0; at < len; at++) {
			for (__u32 byte = 0; byte <= 0xFF; byte++) {
				data[at] = (__u8)byte;
				compare(data, len, LEVELS_MAX);
			}
			data[at] = 'a';
		}
}

static void slashes_at_two_places(void **state)
{
	__u8 data[LENGTH_MAX];

	(void)state;
	memset(data, '~', sizeof(data));
	for (__u32 len = 2; len <= LENGTH_MAX; len++)
		for (__u32 i = 0; i < len; i++)
			for (__u32 k = i + 1; k < len; k++) {
				data[i] = data[k] = '/';
				for (__u32 levels = 0; levels < LEVELS_MAX; levels++)
					compare(data, len, levels);
				data[i] = data[k] = '~';
			}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_byte_at_every_place),
		cmocka_unit_test(slashes_at_two_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
