/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is made of a driver's refusal: words that drivers of Linux 6.1 to 6.18 have, and the remedy
 * that belongs to each. attach.sh has those that a veth can be brought to.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/refusal.h"

static const struct {
	const char	*words;
	int		err;
	bool		lro, final;
	const char	*remedy;	/* part of it */
} rows[] = {
	{ "veth: Peer MTU is too large to set XDP", -ERANGE, false, false,
	  "ip link set dev PEER mtu 1500" },
	{ "veth: XDP expects number of rx queues not less than peer tx queues", -ENOSPC, false,
	  false, "ethtool -L if0 rx N" },
	{ "virtio_net: MTU 9000 is larger than maximum 3506 without frags", -EINVAL, false, false,
	  "ip link set dev if0 mtu 1500" },
	{ "mlx5_core: XDP is not allowed with MTU(9000) > 3498", -EINVAL, false, false,
	  "its MTU of 9000 smaller" },
	{ "Can't set XDP while host is implementing GRO_HW/CSUM, disable GRO_HW/CSUM first",
	  -EOPNOTSUPP, false, false, "ethtool -K if0 lro off rx-gro-hw off" },
	{ "can't set XDP while LRO is on, disable LRO first", -EINVAL, false, false,
	  "ethtool -K if0 lro off" },
	{ "", -EINVAL, true, false, "ethtool -K if0 lro off" },
	{ "Too few free TX rings available", -ENOMEM, false, false, "ethtool -L if0 combined N" },
	{ "not enough channels for XDP", -EINVAL, false, false, "ethtool -l if0" },
	{ "XDP not supported for bond slave", -EINVAL, false, false, "attach to the bond itself" },
	{ "", -EINVAL, false, false, "dmesg may say more" },
	{ "", -EOPNOTSUPP, false, true, "" },
	{ "", -524, false, true, "" },
	{ "Underlying driver does not support XDP in native mode", -EOPNOTSUPP, false, true, "" },
};

static void each_refusal_has_its_remedy(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct mqg_refusal r = { .err = rows[i].err, .lro = rows[i].lro, .mtu = 9000 };
		char text[256];

		strcpy(r.words, rows[i].words);
		if (mqg_refusal_final(&r) != rows[i].final)
			fail_msg("%d, %s: final is %d", r.err, r.words, !rows[i].final);
		mqg_refusal_remedy(&r, "if0", text, sizeof(text));
		if (!strstr(text, rows[i].remedy))
			fail_msg("%d, %s: says %s", r.err, r.words, text);
	}
}

static void the_driver_is_named_with_its_words(void **state)
{
	struct mqg_refusal r = { .err = -EINVAL, .words = "no", .driver = "e1000" };
	char text[256];

	(void)state;
	assert_string_equal(mqg_refusal_say(&r, text, sizeof(text)),
			    "driver (e1000) refuses native XDP: no");
	r = (struct mqg_refusal){ .err = -EINVAL };
	assert_string_equal(mqg_refusal_say(&r, text, sizeof(text)),
			    "driver refuses native XDP: Invalid argument");
	r.err = -524;
	assert_string_equal(mqg_refusal_say(&r, text, sizeof(text)),
			    "driver refuses native XDP: Operation not supported");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_refusal_has_its_remedy),
		cmocka_unit_test(the_driver_is_named_with_its_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
