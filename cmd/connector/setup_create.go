package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"connector/plugins/brevo/api"
)

// createAttributes creates what is missing, contacts' first: they are not among the calls of which there
// are 100 an hour.
func (s *setup) createAttributes(ctx context.Context, plan *setupPlan, need *wanted) error {
	for i := range plan.contacts {
		if at := &plan.contacts[i]; at.standing == missing {
			if err := s.client.CreateAttribute(ctx, at.name, at.kind); err != nil {
				return again(err)
			}
			at.standing = there
			fmt.Fprintf(s.out, "created the contact attribute %s (%s)\n", at.name, at.kind)
		}
	}
	_, companies, _ := plan.count(missing)
	if companies == 0 {
		return nil
	}
	created := 0
	for i := range plan.companies {
		if at := &plan.companies[i]; at.standing == missing {
			// The internal name as the label: whatever Brevo makes of a label, of this it makes itself.
			if err := s.client.CreateCompanyAttribute(ctx, at.name, crmTypes[at.kind], ""); err != nil {
				return fmt.Errorf("%d of %s created: %w", created, counted(companies, "company attribute"), again(err))
			}
			at.standing = there
			created++
			fmt.Fprintf(s.out, "created the company attribute %s (%s)\n", at.name, at.kind)
		}
	}
	return s.checkNames(ctx, plan, need)
}

// checkNames reads the company attributes again: Brevo makes the internal names itself.
func (s *setup) checkNames(ctx context.Context, plan *setupPlan, need *wanted) error {
	have, err := s.client.CompanyAttributes(ctx)
	if err != nil {
		return fmt.Errorf("the company attributes are created, but not checked: %w", again(err))
	}
	for i, at := range plan.companies {
		if slices.ContainsFunc(have, func(h api.CompanyAttribute) bool { return h.Name == at.name }) {
			continue
		}
		plan.companies[i] = planCompany(at.name, need.companies[at.name], have)
		fmt.Fprintf(s.out, "the company attribute %s: %s\n", at.name, plan.companies[i].note)
	}
	return nil
}

// again adds what to do about calls that are used up, or about an answer that never came.
func again(err error) error {
	if until, reached := api.LimitReached(err); reached {
		return fmt.Errorf("%w: run it again after %s, and it goes on from there", err, until.Local().Format(time.TimeOnly))
	}
	return fmt.Errorf("%w: once that is mended run it again, and it goes on from there", err)
}

// createLists creates the lists, and then writes their ids into lists.blobl, all or none: with some of
// them written, an id could mean its old list or its new one.
func (s *setup) createLists(ctx context.Context, plan *setupPlan) error {
	if err := plan.file.backUp(); err != nil {
		return err
	}
	newIDs, folder := map[int64]int64{}, int64(0)
	for _, list := range plan.lists {
		if list.standing != missing {
			continue
		}
		newIDs[list.id] = list.adopted
		if list.adopted != 0 {
			continue
		}
		var err error
		if folder == 0 {
			folder, err = s.folder(ctx)
		}
		if err == nil {
			newIDs[list.id], err = s.client.CreateList(ctx, list.name, folder)
		}
		if err != nil {
			return fmt.Errorf("%s is as it was: %w", plan.file.path, again(err))
		}
		fmt.Fprintf(s.out, "created the list %d %q\n", newIDs[list.id], list.name)
	}
	if err := plan.file.write(newIDs); err != nil {
		return err
	}
	for i := range plan.lists {
		if list := &plan.lists[i]; list.standing == missing {
			fmt.Fprintf(s.out, "%s: %d is now %d\n", listsFile, list.id, newIDs[list.id])
			list.standing = there
		}
	}
	return nil
}

// folder is where new lists go: Brevo has no list without one.
func (s *setup) folder(ctx context.Context) (int64, error) {
	folder, err := s.client.FirstFolder(ctx)
	if err != nil || folder != 0 {
		return folder, err
	}
	return s.client.CreateFolder(ctx, "Pipedrive")
}
